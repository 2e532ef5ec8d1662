"""A session that was declared dead may still claim."""

from __future__ import annotations

from goncordia.memory import MemoryDriver

SUBJECT = ("claim",)


class Broken(MemoryDriver):
    async def claim(self, claim, *, now=None):
        lease = self.store._table.leases.get(claim.session)
        if lease is None or lease.alive:
            return await super().claim(claim, now=now)
        lease.alive = True
        try:
            return await super().claim(claim, now=now)
        finally:
            lease.alive = False
