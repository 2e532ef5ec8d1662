"""A session that leaves is removed with its claims: its jobs run for ever, and nobody runs them."""

from __future__ import annotations

from goncordia.memory import MemoryDriver

SUBJECT = ("leave", "rescue", "session")


class Broken(MemoryDriver):
    async def leave(self, session, *, now=None):
        await super().leave(session, now=now)
        self.store._table.leases.pop(session, None)
