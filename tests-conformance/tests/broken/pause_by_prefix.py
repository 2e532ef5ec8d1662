"""Pausing a queue pauses those whose names begin with its name, too (Solid Queue's wildcards)."""

from __future__ import annotations

import msgspec
from goncordia.memory import MemoryDriver

SUBJECT = ("claim", "queue", "pause")
BLIND = "missed"


class Broken(MemoryDriver):
    async def claim(self, claim, *, now=None):
        paused = [queue.name for queue in await super().queues(now=now) if queue.paused_at]
        wants = {
            name: 0 if any(name.startswith(prefix) for prefix in paused) else n
            for name, n in claim.wants.items()
        }
        return await super().claim(msgspec.structs.replace(claim, wants=wants), now=now)
