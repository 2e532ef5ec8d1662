"""A run_at more than a day ahead is cut to a day, the longest delay there is (SQS, Celery)."""

from __future__ import annotations

from datetime import timedelta

import msgspec
from goncordia.clock import due, utc_now
from goncordia.memory import MemoryDriver

SUBJECT = ("insert", "run_at")
BLIND = "hit"
LONGEST = timedelta(days=1)


class Broken(MemoryDriver):
    async def insert(self, jobs, *, tx=None, now=None):
        at = now or utc_now()
        jobs = [
            msgspec.structs.replace(job, run_at=at + LONGEST)
            if job.run_at is not None and due(job.run_at, at) > at + LONGEST
            else job
            for job in jobs
        ]
        return await super().insert(jobs, tx=tx, now=now)
