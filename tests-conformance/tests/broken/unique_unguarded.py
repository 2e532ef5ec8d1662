"""A unique key is looked up before the insert, and nothing guards it in between."""

from __future__ import annotations

from anyio.lowlevel import checkpoint
from goncordia.memory import MemoryDriver

SUBJECT = ("unique",)


class Broken(MemoryDriver):
    async def insert(self, jobs, *, tx=None, now=None):
        keys = self.store._table.keys
        free = [job.unique.key for job in jobs if job.unique and job.unique.key not in keys]
        await checkpoint()
        for key in free:
            keys.pop(key, None)
        return await super().insert(jobs, tx=tx, now=now)
