"""A time without a zone is taken for UTC and not refused."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
from goncordia.memory import MemoryDriver

SUBJECT = ("insert", "time zone")


class Broken(MemoryDriver):
    async def insert(self, jobs, *, tx=None, now=None):
        jobs = [
            msgspec.structs.replace(job, run_at=job.run_at.replace(tzinfo=UTC))
            if isinstance(job.run_at, datetime) and job.run_at.tzinfo is None
            else job
            for job in jobs
        ]
        return await super().insert(jobs, tx=tx, now=now)
