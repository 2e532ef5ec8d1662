"""Two jobs of one batch get the same unique key: only the committed ones are looked at."""

from __future__ import annotations

from goncordia.memory import MemoryDriver

SUBJECT = ("insert", "unique", "transaction")


class Broken(MemoryDriver):
    async def insert(self, jobs, *, tx=None, now=None):
        keys = self.store._table.keys
        known, answers = dict(keys), []
        for job in jobs:
            if tx is None and job.unique is not None and job.unique.key not in known:
                keys.pop(job.unique.key, None)
            answers += await super().insert([job], tx=tx, now=now)
        return answers
