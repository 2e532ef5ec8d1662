"""taskiq, on Redis streams."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from redis.asyncio import Redis
from subject import TO, Subject, background
from taskiq.api import run_receiver_task
from taskiq_redis import RedisStreamBroker


class SUBJECT(Subject):
    settings = "RedisStreamBroker (acknowledged), no results, arguments not validated; no batches"

    async def open(self) -> None:
        self.redis = Redis.from_url(self.url)
        self.broker = RedisStreamBroker(self.url)

        @self.broker.task(task_name="note")
        async def note(n: int, to: str) -> None:
            await self.work()

        self.note = note
        await self.broker.startup()

    async def close(self) -> None:
        await self.broker.shutdown()
        await self.redis.aclose()

    async def clear(self) -> None:
        await self.redis.flushdb()
        await self.broker.startup()  # the consumers' group

    async def enqueue(self, n: int) -> None:
        await self.note.kiq(n, TO)

    @asynccontextmanager
    async def worker(self, concurrency: int) -> AsyncGenerator[None]:
        running = run_receiver_task(
            self.broker,
            max_async_tasks=concurrency,
            max_prefetch=concurrency,
            validate_params=False,
        )
        async with background(running):
            yield
