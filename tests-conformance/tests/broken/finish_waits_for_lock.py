"""An outcome whose row is locked by a caller's open transaction waits for it, and all behind it."""

from __future__ import annotations

from anyio.lowlevel import checkpoint
from goncordia.memory import MemoryDriver

SUBJECT = ("finish", "hanging", "busy", "wait")


class Broken(MemoryDriver):
    async def finish(self, outcomes, *, tx=None, now=None):
        while tx is None and any(o.id.int in self.store._table.locks for o in outcomes):
            await checkpoint()
        return await super().finish(outcomes, tx=tx, now=now)
