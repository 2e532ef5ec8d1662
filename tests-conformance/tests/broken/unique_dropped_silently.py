"""It doesn't promise unique keys, and instead of refusing one it forgets it."""

from __future__ import annotations

from dataclasses import replace

import msgspec
from goncordia.memory import STRONG, MemoryDriver

SUBJECT = ("insert", "unique", "transaction")


class Broken(MemoryDriver):
    def __init__(self):
        super().__init__(capabilities=replace(STRONG, unique=False, tx_unique=False))

    async def insert(self, jobs, *, tx=None, now=None):
        jobs = [msgspec.structs.replace(job, unique=None) for job in jobs]
        return await super().insert(jobs, tx=tx, now=now)
