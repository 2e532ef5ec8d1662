"""SAQ, the same on PostgreSQL and on Redis."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from saq import Queue, Worker
from saq.types import Context
from subject import TO, Subject, background


class Saq(Subject):
    """What the stores share; batches are single enqueues, as SAQ has no other."""

    async def open(self) -> None:
        self.queue = Queue.from_url(self.url)
        await self.queue.connect()

    async def close(self) -> None:
        await self.queue.disconnect()

    async def enqueue(self, n: int) -> None:
        await self.queue.enqueue("note", n=n, to=TO)

    @asynccontextmanager
    async def worker(self, concurrency: int) -> AsyncGenerator[None]:
        async def note(context: Context, *, n: int, to: str) -> None:
            await self.work()

        worker = Worker(self.queue, functions=[("note", note)], concurrency=concurrency)
        worker.SIGNALS = []
        async with background(worker.start()):
            yield
