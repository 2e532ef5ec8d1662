"""Queue names are compared without their case (MySQL's default collation)."""

from __future__ import annotations

import msgspec
from goncordia.memory import MemoryDriver

SUBJECT = ("queue",)
BLIND = "missed"


class Broken(MemoryDriver):
    async def insert(self, jobs, *, tx=None, now=None):
        known = {name.lower(): name for name in self.store._table.lines}
        jobs = [
            msgspec.structs.replace(job, queue=known.get(job.queue.lower(), job.queue))
            for job in jobs
        ]
        return await super().insert(jobs, tx=tx, now=now)
