"""Tags come back as a set does."""

from __future__ import annotations

import msgspec
from goncordia.memory import MemoryDriver

SUBJECT = ("tags",)


class Broken(MemoryDriver):
    async def insert(self, jobs, *, tx=None, now=None):
        jobs = [msgspec.structs.replace(job, tags=tuple(sorted(set(job.tags)))) for job in jobs]
        return await super().insert(jobs, tx=tx, now=now)
