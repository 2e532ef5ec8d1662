"""goncordia on DynamoDB."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from goncordia import Client
from goncordia_dynamo import DynamoDriver

from subjects import dynamo_table as table
from subjects.goncordia_queue import GoncordiaQueue


class SUBJECT(GoncordiaQueue):
    settings = f"{table.SHARDS} shards, else the defaults; client and pool on a driver each"
    parts = 2 * table.SHARDS  # twice, as chance spreads them

    def driver(self) -> DynamoDriver:
        self.dynamo = table.driver(self.url)
        return self.dynamo

    @asynccontextmanager
    async def worker(self, concurrency: int) -> AsyncGenerator[None]:
        assert isinstance(self.working, DynamoDriver)
        async with super().worker(concurrency):
            yield
            usage = self.working.usage  # a pool that is left sends its last outcomes twice
            self.told = {"writes": float(usage.statements), "wasted": float(usage.wasted)}

    def spent(self) -> dict[str, float]:
        return self.told

    def asked(self) -> int:
        assert isinstance(self.working, DynamoDriver)
        return self.working.usage.requests

    async def clear(self) -> None:
        await table.clear(self.dynamo)

    async def stock(self, queued: int, finished: int) -> None:
        await table.stock(self.dynamo, queued, finished)

    async def enqueue_tx(self, n: int) -> None:
        async with self.dynamo.begin() as tx:
            await Client(self.dynamo).enqueue(self.notes[n], tx=tx)
