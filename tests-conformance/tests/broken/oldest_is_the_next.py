"""The oldest due job is said to be the one that a claim would take first, by its priority."""

from __future__ import annotations

import msgspec
from goncordia.answers import Filter
from goncordia.lifecycle import State
from goncordia.memory import MemoryDriver

SUBJECT = ("stats", "oldest")


class Broken(MemoryDriver):
    async def stats(self, queues=(), *, now=None):
        counts = await super().stats(queues, now=now)
        return [await self._wrong(c, now) if c.state is State.AVAILABLE else c for c in counts]

    async def _wrong(self, count, now):
        where = Filter(states=(State.AVAILABLE,), queues=(count.queue,))
        due = (await super().list(where, limit=count.n, now=now)).rows
        first = min(due, key=lambda job: (-job.priority, job.run_at, job.id))
        return msgspec.structs.replace(count, oldest=first.run_at)
