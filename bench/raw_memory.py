"""The bare loop of anyio runners: one cancel scope a job, and nothing else that a queue does."""

from __future__ import annotations

import time
from collections import deque

import anyio
from anyio.lowlevel import checkpoint

TURNS = 8
"""As in goncordia's runners: others run after so many jobs."""


async def _handle(job: int) -> None:
    pass


async def drain(n: int, concurrency: int) -> float:
    """Seconds in which so many runners run `n` jobs that do nothing."""
    work = deque(range(n))

    async def runner() -> None:
        turns = 0
        while work:
            job = work.popleft()
            with anyio.CancelScope():
                await _handle(job)
            turns += 1
            if turns % TURNS == 0:
                await checkpoint()

    started = time.perf_counter()
    async with anyio.create_task_group() as tasks:
        for _ in range(concurrency):
            tasks.start_soon(runner)
    return time.perf_counter() - started
