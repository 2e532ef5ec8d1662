"""Arguments are cut to 65535 bytes, what the column holds (delayed_job on MySQL)."""

from __future__ import annotations

import msgspec
from goncordia.memory import MemoryDriver

SUBJECT = ("args", "arguments")
BLIND = "hit"


class Broken(MemoryDriver):
    async def insert(self, jobs, *, tx=None, now=None):
        jobs = [msgspec.structs.replace(job, args=job.args[:65_535]) for job in jobs]
        return await super().insert(jobs, tx=tx, now=now)
