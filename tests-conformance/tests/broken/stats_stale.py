"""Counts are kept from claim to claim: in between they are those of before."""

from __future__ import annotations

from goncordia.memory import MemoryDriver

SUBJECT = ("stats",)


class Broken(MemoryDriver):
    def __init__(self, **options):
        super().__init__(**options)
        self.kept = {}

    async def stats(self, queues=(), *, now=None):
        if tuple(queues) not in self.kept:
            self.kept[tuple(queues)] = await super().stats(queues, now=now)
        return self.kept[tuple(queues)]

    async def claim(self, claim, *, now=None):
        self.kept.clear()
        return await super().claim(claim, now=now)
