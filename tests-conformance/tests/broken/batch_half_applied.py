"""A batch goes in job by job: one that is refused leaves those before it behind."""

from __future__ import annotations

from goncordia.memory import MemoryDriver

SUBJECT = ("insert",)


class Broken(MemoryDriver):
    async def insert(self, jobs, *, tx=None, now=None):
        answers = []
        for job in jobs:
            answers += await super().insert([job], tx=tx, now=now)
        return answers
