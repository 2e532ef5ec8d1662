"""A claim serves the first of its queues that has something: the others starve behind it."""

from __future__ import annotations

import msgspec
from goncordia.memory import MemoryDriver

SUBJECT = ("claim",)


class Broken(MemoryDriver):
    async def claim(self, claim, *, now=None):
        for queue in sorted(claim.wants):
            wants = {queue: claim.wants[queue]}
            answer = await super().claim(msgspec.structs.replace(claim, wants=wants), now=now)
            if answer.jobs:
                return answer
        return await super().claim(claim, now=now)
