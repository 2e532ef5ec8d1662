"""An insert goes through a connection of its own: what is rolled back stays."""

from __future__ import annotations

from goncordia.memory import MemoryDriver

SUBJECT = ("transaction",)


class Broken(MemoryDriver):
    async def insert(self, jobs, *, tx=None, now=None):
        return await super().insert(jobs, now=now)
