"""The column of run_at holds whole seconds."""

from __future__ import annotations

import msgspec
from goncordia.clock import due, utc_now
from goncordia.memory import MemoryDriver

SUBJECT = ("run_at", "insert", "microsecond")


class Broken(MemoryDriver):
    async def insert(self, jobs, *, tx=None, now=None):
        at = now or utc_now()
        jobs = [
            job
            if job.run_at is None
            else msgspec.structs.replace(job, run_at=due(job.run_at, at).replace(microsecond=0))
            for job in jobs
        ]
        return await super().insert(jobs, tx=tx, now=now)
