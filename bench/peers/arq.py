"""arq."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress

from arq import create_pool, func
from arq.connections import RedisSettings
from arq.worker import Worker
from subject import TO, Subject, background


class SUBJECT(Subject):
    settings = "redis-py with hiredis, results not kept, polled each 10 ms; it has no batches"

    async def open(self) -> None:
        self.redis = await create_pool(RedisSettings.from_dsn(self.url))

    async def close(self) -> None:
        await self.redis.aclose()

    async def clear(self) -> None:
        await self.redis.flushdb()

    async def enqueue(self, n: int) -> None:
        await self.redis.enqueue_job("note", n, TO)

    @asynccontextmanager
    async def worker(self, concurrency: int) -> AsyncGenerator[None]:
        async def note(context: dict[str, object], n: int, to: str) -> None:
            await self.work()

        worker = Worker(
            functions=[func(note, name="note", keep_result=0)],
            redis_settings=RedisSettings.from_dsn(self.url),
            max_jobs=concurrency,
            poll_delay=0.01,
            handle_signals=False,
        )
        async with background(worker.async_run()):
            yield
        with suppress(asyncio.CancelledError):  # of its own tasks
            await worker.close()
