"""What a subject is: a queue that is measured. Each adapter in `subjects/` makes one.

Runs in the subject's own environment, so it needs nothing but the standard library.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any

from loops import LOOPS, Event, Loop

TO = "ada@example.com"
"""The second argument of every job; the first is a number: together 33 bytes of JSON."""


PATIENCE = 20.0
"""Seconds for a worker to start its first job."""


class Unsupported(Exception):
    """The subject has no such thing: the table leaves a gap."""


class Work:
    """What every job does, and what it tells."""

    def __init__(self, loop: Loop = LOOPS["asyncio"]) -> None:
        self.loop = loop
        self.delay = 0.0
        """Seconds that each job waits."""
        self.gate: Event | None = None
        """What each job waits for, when it has been counted."""
        self.count = 0
        self.began = self.began_cpu = 0.0
        """When the first job started, and the processor time of the process until then."""
        self.expect(0)

    def expect(self, n: int, delay: float = 0.0, gate: Event | None = None) -> None:
        """Count anew, up to so many."""
        self.count, self._wanted, self.delay, self.gate = 0, n, delay, gate
        self.started: Event = self.loop.event()
        self.done: Event = self.loop.event()

    async def __call__(self) -> None:
        """A job runs."""
        if not self.started.is_set():
            self.begin(time.perf_counter())
        if self.delay:
            await self.loop.sleep(self.delay)
        self._counted()
        if self.gate is not None:
            await self.gate.wait()

    def in_thread(self, loop: asyncio.AbstractEventLoop) -> None:
        """A job runs in a thread of a worker that has no event loop."""
        began = time.perf_counter()
        loop.call_soon_threadsafe(self.begin, began)
        if self.delay:
            time.sleep(self.delay)
        loop.call_soon_threadsafe(self._counted)
        while self.gate is not None and not self.gate.is_set():
            time.sleep(0.01)

    def begin(self, at: float) -> None:
        """The first job starts, at that time."""
        if not self.started.is_set():
            self.began, self.began_cpu = at, time.process_time()
            self.started.set()

    def _counted(self) -> None:
        self.count += 1
        if self.count == self._wanted:
            self.done.set()


class Subject:
    """A queue on a server: how it enqueues and works; the measures are made of that."""

    settings = ""
    """What was chosen for it, for the report."""

    def __init__(self, url: str, work: Work) -> None:
        self.url = url
        self.work = work

    async def open(self) -> None:
        """Connect, and make what it needs on the server."""

    async def close(self) -> None:
        """Disconnect."""

    async def clear(self) -> None:
        """Leave no job on the server, waiting or ended."""
        raise NotImplementedError

    def prepare(self, n: int) -> None:
        """Make the arguments of so many jobs, before the clock starts."""

    async def enqueue(self, n: int) -> None:
        """One job."""
        raise Unsupported

    async def enqueue_tx(self, n: int) -> None:
        """One job, in a transaction of the caller's that does nothing else, and its commit."""
        raise Unsupported

    async def enqueue_many(self, first: int, n: int) -> None:
        """So many jobs by one call."""
        raise Unsupported

    @asynccontextmanager
    async def worker(self, concurrency: int) -> AsyncGenerator[None]:
        """Run jobs, so many at once, until the block ends."""
        raise Unsupported
        yield

    async def settle(self) -> None:
        """Return when what ran is written down, where the subject can tell."""

    async def drain(self, concurrency: int, n: int, seconds: float) -> float:
        """Jobs a second, from the start of the first one; stop after so many seconds."""
        work = self.work
        async with self.worker(concurrency):
            if not await work.loop.wait(work.started, PATIENCE):
                raise TimeoutError(f"no job was run within {PATIENCE:.0f} s")
            if await work.loop.wait(work.done, seconds):
                await self.settle()
            return work.count / (time.perf_counter() - work.began)

    def spent(self) -> dict[str, float]:
        """What the store was asked for since it was opened, by words of its own."""
        return {}

    def watch(self) -> None:
        """Count from now on what `asked` tells, where that is not done anyway."""

    def asked(self) -> int | None:
        """How many requests its worker has sent, where it counts them itself."""
        return None

    async def claim(self, size: int) -> float:
        """Seconds of one claim of so many jobs, its commit included; they are finished after."""
        raise Unsupported

    async def stock(self, queued: int, finished: int) -> None:
        """Add so many jobs, by the quickest means."""
        raise Unsupported


@asynccontextmanager
async def background(work: Coroutine[Any, Any, object]) -> AsyncGenerator[asyncio.Task[object]]:
    """Run a worker's main coroutine beside the block, and cancel it at the end."""
    task: asyncio.Task[object] = asyncio.ensure_future(work)
    try:
        yield task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
