"""PgQueuer, on asyncpg."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta

import asyncpg
from pgqueuer import PgQueuer
from pgqueuer.db import AsyncpgDriver, AsyncpgPoolDriver
from pgqueuer.models import Job
from pgqueuer.queries import Queries
from subject import TO, Subject


class SUBJECT(Subject):
    settings = (
        "asyncpg, pool for producers and one connection for the worker, durable tables, autovacuum "
        "tuned (pgq autovac); max_concurrent_tasks = at once, but 2 at least, and batch_size half "
        "of it, the most that it takes"
    )

    async def open(self) -> None:
        self.pool = await asyncpg.create_pool(self.url, min_size=2, max_size=10)
        self.queries = Queries(AsyncpgPoolDriver(self.pool))
        if not await self.queries.has_table("pgqueuer"):
            await self.queries.install()
            await self.queries.optimize_autovacuum()

    async def close(self) -> None:
        await self.pool.close()

    async def clear(self) -> None:
        await self.pool.execute("TRUNCATE pgqueuer, pgqueuer_log, pgqueuer_statistics")

    async def enqueue(self, n: int) -> None:
        await self.queries.enqueue("note", _payload(n))

    async def enqueue_tx(self, n: int) -> None:
        async with self.pool.acquire() as db, db.transaction():
            await Queries(AsyncpgDriver(db)).enqueue("note", _payload(n))

    async def enqueue_many(self, first: int, n: int) -> None:
        payloads = [_payload(i) for i in range(first, first + n)]
        await self.queries.enqueue(["note"] * n, payloads, [0] * n)

    @asynccontextmanager
    async def worker(self, concurrency: int) -> AsyncGenerator[None]:
        db = await asyncpg.connect(self.url)
        manager = PgQueuer(AsyncpgDriver(db))

        @manager.entrypoint("note")
        async def note(job: Job) -> None:
            await self.work()

        running = asyncio.create_task(
            manager.run(dequeue_timeout=timedelta(seconds=1), **self.limits(concurrency))
        )
        try:
            yield
        finally:
            manager.shutdown.set()
            await asyncio.wait([running], timeout=5)
            running.cancel()
            await db.close()

    def limits(self, concurrency: int) -> dict[str, int]:
        size = max(1, concurrency // 2)
        return {"batch_size": size, "max_concurrent_tasks": 2 * size}


def _payload(n: int) -> bytes:
    return f'{{"n":{n},"to":"{TO}"}}'.encode()
