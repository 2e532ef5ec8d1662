"""A session that was declared dead lives again with its next beat."""

from __future__ import annotations

from goncordia.memory import MemoryDriver

SUBJECT = ("beat",)


class Broken(MemoryDriver):
    async def beat(self, session, tokens, *, now=None):
        lease = self.store._table.leases.get(session)
        if lease is not None:
            lease.alive = True
        return await super().beat(session, tokens, now=now)
