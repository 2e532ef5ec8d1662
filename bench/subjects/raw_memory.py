"""The bare loop of anyio runners: one cancel scope a job, and nothing else that a queue does."""

from __future__ import annotations

import time
from collections import deque

import anyio
from anyio.lowlevel import checkpoint
from subject import Subject

TURNS = 8
"""As in goncordia's runners: others run after so many jobs."""
TIMES = 5
"""As many jobs, for a loop that is as much faster."""


class SUBJECT(Subject):
    settings = "runners over a deque"

    async def clear(self) -> None:
        self.waiting = deque[int]()

    async def enqueue_many(self, first: int, n: int) -> None:
        self.waiting.extend(range(TIMES * first, TIMES * (first + n)))

    async def drain(self, concurrency: int, n: int, seconds: float) -> float:
        waiting = self.waiting

        async def runner() -> None:
            turns = 0
            while waiting:
                job = waiting.popleft()
                with anyio.CancelScope():
                    await self._handle(job)
                turns += 1
                if turns % TURNS == 0:
                    await checkpoint()

        started = time.perf_counter()
        async with anyio.create_task_group() as tasks:
            for _ in range(concurrency):
                tasks.start_soon(runner)
        return TIMES * n / (time.perf_counter() - started)

    async def _handle(self, job: int) -> None:
        if self.work.delay:
            await self.work.loop.sleep(self.work.delay)
