"""When a store and the pools on it are at rest: nothing happens any more until time passes."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Generic, TypeVar

import anyio

from goncordia.args import Args
from goncordia.driver import Driver
from goncordia.handler import Job
from goncordia.middleware import Next
from goncordia.pool import WorkerPool, worker_pool
from goncordia.pool.settings import PoolOptions
from goncordia.registry import Registry
from goncordia.testing.faults import FaultyDriver

Tx = TypeVar("Tx")

HOUR, DAY = 3600.0, 86_400.0

SELDOM: PoolOptions = {"poll": DAY, "beat_every": HOUR, "session_ttl": DAY}
"""How a pool keeps time that a test moves by days: it stops at every one of its waits."""


class Threads:
    """Counts the handlers of a pool, and waits for those that run in threads."""

    def __init__(self, registry: Registry) -> None:
        """None has begun."""
        self.begun = 0
        self._registry = registry
        self._running = 0
        self._ended = anyio.Event()

    async def layer(self, job: Job[Args], call_next: Next) -> object:
        """The innermost middleware."""
        worker = self._registry.get(job.kind)
        blocking = worker is not None and worker.blocking
        self.begun += 1
        self._running += blocking
        try:
            return await call_next(job)
        finally:
            self._running -= blocking
            self._ended.set()

    async def ended(self) -> None:
        """Return when none of them runs."""
        while self._running:
            self._ended = anyio.Event()
            await self._ended.wait()


class Rest(Generic[Tx]):
    """A driver whose calls are counted, and the pools that use it."""

    def __init__(self, driver: Driver[Tx]) -> None:
        """No pool yet."""
        self.driver: FaultyDriver[Tx] = FaultyDriver(driver)
        self._pools: dict[WorkerPool, Threads] = {}
        self._begun = 0

    @asynccontextmanager
    async def pool(self, registry: Registry, options: PoolOptions) -> AsyncGenerator[WorkerPool]:
        """A pool that is waited for while its block runs."""
        threads = Threads(registry)
        layers = (*options.get("middleware", ()), threads.layer)
        own: PoolOptions = {**SELDOM, **options, "middleware": layers}
        async with worker_pool(self.driver, registry, **own) as pool:
            self._pools[pool] = threads
            try:
                yield pool
            finally:
                self._begun += self._pools.pop(pool).begun

    async def settled(self) -> None:
        """Return when nothing happens any more, however often one thing leads to another."""
        happened = None
        while happened != self._happened():
            happened = self._happened()
            await self.driver.quiet()
            for pool, threads in tuple(self._pools.items()):
                await threads.ended()
                await pool.settled()
            await self.driver.quiet()

    def _happened(self) -> tuple[int, int]:
        """What was done so far; to look for jobs is not to do something."""
        calls = self.driver.calls
        begun = self._begun + sum(threads.begun for threads in self._pools.values())
        return calls.total() - calls["claim"] - calls["wake"], begun
