"""streaq, on coredis."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import anyio
from coredis.tokens import PureToken
from streaq import Worker
from subject import TO, Subject


class SUBJECT(Subject):
    settings = "coredis, prefetch as it comes, results not kept (ttl=0), enqueue_many for batches"

    async def open(self) -> None:
        self._open = AsyncExitStack()
        self.queue, self.note = self._made(1)
        await self._open.enter_async_context(self.queue)

    def _made(self, concurrency: int) -> tuple[Worker[None], Any]:
        worker: Worker[None] = Worker(
            redis_url=self.url, concurrency=concurrency, handle_signals=False
        )

        @worker.task(name="note", ttl=0)
        async def note(n: int, to: str) -> None:
            await self.work()

        return worker, note

    async def close(self) -> None:
        await self._open.aclose()

    async def clear(self) -> None:
        await self.queue.redis.flushdb()

    async def enqueue(self, n: int) -> None:
        await self.note.enqueue(n, TO)

    async def enqueue_many(self, first: int, n: int) -> None:
        await self.queue.enqueue_many([self.note.enqueue(i, TO) for i in range(first, first + n)])

    @asynccontextmanager
    async def worker(self, concurrency: int) -> AsyncGenerator[None]:
        worker, _ = self._made(concurrency)
        async with anyio.create_task_group() as tasks:
            await tasks.start(worker.run_async)
            try:
                yield
            finally:
                await self._calm(worker)
                tasks.cancel_scope.cancel()

    async def _calm(self, worker: Worker[None]) -> None:
        """Let it run out of jobs: cancelled amid them it ends with an error, or never."""
        await self.queue.redis.xtrim(f"{worker.stream_key}normal", PureToken.MAXLEN, 0)
        with anyio.move_on_after(5):
            while worker._count:  # what it has fetched too, which `running()` leaves out
                await anyio.sleep(0.02)
