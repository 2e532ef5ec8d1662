"""goncordia on PostgreSQL."""

from __future__ import annotations

from goncordia import Client, open_driver
from goncordia.driver import Driver
from psycopg import AsyncConnection

from subjects.goncordia_queue import GoncordiaQueue


class SUBJECT(GoncordiaQueue):
    settings = "psycopg 3 binary, as open_driver makes it; client and pool on a driver each"

    def driver(self) -> Driver[AsyncConnection]:
        self.postgres = open_driver(self.url, tx=AsyncConnection)
        return self.postgres

    async def open(self) -> None:
        await super().open()
        self.db = await AsyncConnection.connect(self.url, autocommit=True)

    async def close(self) -> None:
        await self.db.close()
        await super().close()

    async def clear(self) -> None:
        await self.db.execute("TRUNCATE goncordia.job")

    async def enqueue_tx(self, n: int) -> None:
        async with self.db.transaction():
            await Client(self.postgres).enqueue(self.notes[n], tx=self.db)
