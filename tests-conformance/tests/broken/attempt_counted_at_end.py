"""An attempt counts when it ends: one that kills its worker is never counted."""

from __future__ import annotations

import msgspec
from goncordia.memory import MemoryDriver

SUBJECT = ("claim", "attempt")


class Broken(MemoryDriver):
    async def claim(self, claim, *, now=None):
        answer = await super().claim(claim, now=now)
        for job in answer.jobs:
            record = self.store._table.rows[job.id.int]
            if record.attempt == job.attempt and job.attempt > 0:
                record.attempt = job.attempt - 1
        answer.jobs = [
            msgspec.structs.replace(job, attempt=max(0, job.attempt - 1)) for job in answer.jobs
        ]
        return answer
