"""An outcome in the caller's transaction is written at once, and stays when it rolls back."""

from __future__ import annotations

from goncordia.memory import MemoryDriver

SUBJECT = ("transaction",)


class Broken(MemoryDriver):
    async def finish(self, outcomes, *, tx=None, now=None):
        return await super().finish(outcomes, now=now)
