"""A beat doesn't give back what the worker does not know that it holds: nobody ever runs it."""

from __future__ import annotations

from goncordia.memory import MemoryDriver

SUBJECT = ("beat", "released")


class Broken(MemoryDriver):
    async def beat(self, session, tokens, *, now=None):
        lease = self.store._table.leases.get(session)
        return await super().beat(session, lease.claims if lease else tokens, now=now)
