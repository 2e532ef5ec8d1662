"""A claim of several takes one more than was asked for."""

from __future__ import annotations

import msgspec
from goncordia.memory import MemoryDriver

SUBJECT = ("claim",)


class Broken(MemoryDriver):
    async def claim(self, claim, *, now=None):
        wants = {queue: n + (n > 1) for queue, n in claim.wants.items()}
        return await super().claim(msgspec.structs.replace(claim, wants=wants), now=now)
