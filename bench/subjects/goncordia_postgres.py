"""goncordia on PostgreSQL."""

from __future__ import annotations

from goncordia import Client
from goncordia_postgres import PostgresDriver
from psycopg import AsyncConnection, Connection

from subjects import postgres_tables as tables
from subjects.goncordia_queue import GoncordiaQueue


class SUBJECT(GoncordiaQueue):
    settings = "psycopg 3 binary, the driver's defaults; client and pool on a driver each"

    def driver(self) -> PostgresDriver:
        self.postgres = PostgresDriver(self.url)
        return self.postgres

    async def open(self) -> None:
        await super().open()
        self.admin = Connection[tuple[object, ...]].connect(self.url, autocommit=True)
        self.db: AsyncConnection | None = None

    async def close(self) -> None:
        self.admin.close()
        if self.db is not None:
            await self.db.close()
        await super().close()

    async def clear(self) -> None:
        self.admin.execute(tables.EMPTY)

    async def enqueue_tx(self, n: int) -> None:
        if self.db is None:
            self.db = await AsyncConnection.connect(self.url, autocommit=True)
        async with self.db.transaction():
            await Client(self.postgres).enqueue(self.notes[n], tx=self.db)

    async def stock(self, queued: int, finished: int) -> None:
        tables.stock(self.admin, queued, finished)
