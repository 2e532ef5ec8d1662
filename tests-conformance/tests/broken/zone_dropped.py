"""A run_at loses its zone: 30 minutes ahead at -08:00 is hours ago, and the job runs now."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
from goncordia.memory import MemoryDriver

SUBJECT = ("run_at", "insert", "transaction", "utc")


class Broken(MemoryDriver):
    async def insert(self, jobs, *, tx=None, now=None):
        jobs = [
            msgspec.structs.replace(job, run_at=job.run_at.replace(tzinfo=UTC))
            if isinstance(job.run_at, datetime) and job.run_at.tzinfo
            else job
            for job in jobs
        ]
        return await super().insert(jobs, tx=tx, now=now)
