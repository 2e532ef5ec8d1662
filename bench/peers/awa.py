"""awa: workers in Rust, handlers in Python."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import parse_qs, quote, urlsplit

import awa
from subject import TO, Subject


@dataclass
class Note:
    n: int
    to: str


class SUBJECT(Subject):
    settings = (
        "queue storage (its default engine), 20 connections, LISTEN, polled each 50 ms, "
        "direct COPY for batches (enqueue_many_copy), a queue of its own for each turn"
    )

    async def open(self) -> None:
        self.url = _with_host(self.url)
        self.client = awa.AsyncClient(self.url, max_connections=20)
        await self.client.migrate()
        if json.loads(await self.client.storage_status())["state"] != "active":
            await self.client.install_queue_storage()  # again it would count all that it holds
        self.queue = "notes"

    async def close(self) -> None:
        await self.client.close()

    async def clear(self) -> None:
        await self.client.drain_queue(self.queue)
        self.queue = f"notes-{time.time_ns()}"  # resetting its storage takes five seconds

    async def enqueue(self, n: int) -> None:
        await self.client.insert(Note(n, TO), queue=self.queue)

    async def enqueue_tx(self, n: int) -> None:
        async with await self.client.transaction() as tx:
            await tx.insert(Note(n, TO), queue=self.queue)

    async def enqueue_many(self, first: int, n: int) -> None:
        jobs = [Note(i, TO) for i in range(first, first + n)]
        await self.client.enqueue_many_copy(jobs, queue=self.queue)

    @asynccontextmanager
    async def worker(self, concurrency: int) -> AsyncGenerator[None]:
        client = awa.AsyncClient(self.url, max_connections=20)

        @client.task(Note, queue=self.queue)
        async def note(job: awa.Job[Note]) -> None:
            await self.work()

        await client.start([(self.queue, concurrency)], poll_interval_ms=50)
        try:
            yield
        finally:
            await client.shutdown()
            await client.close()


def _with_host(url: str) -> str:
    """It wants the socket's folder, quoted, where a host would stand."""
    parts = urlsplit(url)
    query = parse_qs(parts.query)
    if "host" not in query:
        return url
    host, port = quote(query["host"][0], safe=""), query["port"][0]
    return f"postgresql://postgres@{host}:{port}{parts.path}"
