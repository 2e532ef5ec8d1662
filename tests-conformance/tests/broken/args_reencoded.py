"""Arguments go through a JSON column: their bytes come back differently."""

from __future__ import annotations

import json

import msgspec
from goncordia.memory import MemoryDriver

SUBJECT = ("args", "arguments")


class Broken(MemoryDriver):
    async def insert(self, jobs, *, tx=None, now=None):
        jobs = [
            msgspec.structs.replace(job, args=json.dumps(json.loads(job.args or b"{}")).encode())
            for job in jobs
        ]
        return await super().insert(jobs, tx=tx, now=now)
