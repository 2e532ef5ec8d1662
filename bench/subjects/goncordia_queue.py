"""goncordia, on whatever driver: a client, and a worker pool."""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from typing import Never

from goncordia import Args, Client, Job, Registry, WorkerPool, worker_pool
from goncordia.driver import Driver
from goncordia.ids import uuid7
from goncordia.jobs import completed
from goncordia.sessions import Claim, WorkerInfo
from subject import TO, Subject, Work

TTL = timedelta(hours=1)


class Note(Args, kind="note"):
    """33 bytes of JSON."""

    n: int
    to: str


class GoncordiaQueue(Subject):
    """What its drivers share."""

    settings = "as it comes"
    parts = 1
    """Places in which jobs lie, where a claim may find too few in its own; then some are added."""

    def __init__(self, url: str, work: Work) -> None:
        super().__init__(url, work)
        self.notes: list[Note] = []
        self._open = AsyncExitStack()
        self.pool: WorkerPool | None = None

    @abstractmethod
    def driver(self) -> Driver[Never]:
        """A new one, to be entered."""

    async def open(self) -> None:
        self.working = await self._open.enter_async_context(self.driver())
        await self.working.migrate()
        self.client = Client(await self.producing())

    async def producing(self) -> Driver[Never]:
        """The client's driver: another one than the pool's, as in another process."""
        return await self._open.enter_async_context(self.driver())

    async def close(self) -> None:
        await self._open.aclose()

    def prepare(self, n: int) -> None:
        self.notes = [Note(i, TO) for i in range(n)]

    async def enqueue(self, n: int) -> None:
        await self.client.enqueue(self.notes[n])

    async def enqueue_many(self, first: int, n: int) -> None:
        await self.client.enqueue_many(self.notes[first : first + n])

    @asynccontextmanager
    async def worker(self, concurrency: int) -> AsyncGenerator[None]:
        jobs, work = Registry(), self.work

        @jobs.worker
        async def handle(job: Job[Note]) -> None:
            await work()

        async with worker_pool(self.working, jobs, concurrency=concurrency) as pool:
            self.pool = pool
            yield

    async def settle(self) -> None:
        if self.pool is not None:
            await self.pool.idle()

    async def claim(self, size: int) -> float:
        for jobs in (size, size * self.parts):
            self.prepare(jobs)
            await self.enqueue_many(0, jobs)
            claimed, took = await self._claimed(size)
            if claimed == size:
                return took
        raise RuntimeError(f"{claimed} jobs were claimed, and {size} wait")

    async def _claimed(self, size: int) -> tuple[int, float]:
        """How many, and seconds."""
        session = await self.working.join(WorkerInfo("bench", concurrency=size), TTL)
        started = time.perf_counter()
        claims = await self.working.claim(Claim(uuid7(), session.id, {"default": size}))
        took = time.perf_counter() - started
        await self.working.finish([completed(job) for job in claims.jobs])
        await self.working.leave(session.id)
        return len(claims.jobs), took
