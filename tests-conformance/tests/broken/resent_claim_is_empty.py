"""A claim sent again doesn't give back what the first one took: nobody runs it."""

from __future__ import annotations

from goncordia.memory import MemoryDriver

SUBJECT = ("claim",)


class Broken(MemoryDriver):
    async def claim(self, claim, *, now=None):
        lease = self.store._table.leases.get(claim.session)
        holding = None if lease is None else lease.claims.get(claim.token)
        held = set() if holding is None else set(holding.jobs)
        answer = await super().claim(claim, now=now)
        answer.jobs = [job for job in answer.jobs if job.id.int not in held]
        return answer
