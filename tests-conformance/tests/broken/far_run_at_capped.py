"""A run_at more than a day ahead is cut to a day, the longest delay there is (SQS, Celery)."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec
from goncordia.clock import due, utc_now
from goncordia.memory import MemoryDriver

SUBJECT = ("insert", "run_at")
BLIND = "missed"
LONGEST = timedelta(days=1)


class Broken(MemoryDriver):
    async def insert(self, jobs, *, tx=None, now=None):
        at = now or utc_now()
        jobs = [msgspec.structs.replace(job, run_at=self._cut(job.run_at, at)) for job in jobs]
        return await super().insert(jobs, tx=tx, now=now)

    def _cut(self, when, at):
        if when is None or (isinstance(when, datetime) and when.tzinfo is None):
            return when
        return at + LONGEST if due(when, at) > at + LONGEST else when
