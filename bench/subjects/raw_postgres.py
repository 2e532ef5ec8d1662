"""psycopg by hand, on the schema of goncordia's driver: claim so many, finish them.

No sessions, unique keys, nor priorities; who enqueues tells a worker where one waits for that.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from uuid import UUID, uuid4

from goncordia.ids import uuid7
from goncordia_postgres import SyncPostgresDriver
from psycopg import AsyncConnection, Connection
from subject import TO

from subjects import postgres_tables as tables
from subjects.raw_queue import RawQueue


class SUBJECT(RawQueue[UUID, tables.Row]):
    settings = (
        "psycopg 3 binary, binary parameters, autocommit, a connection to enqueue and one to "
        "claim, COPY for batches, LISTEN for pick-ups, the schema and indexes of goncordia's driver"
    )
    listened = False

    async def open(self) -> None:
        with SyncPostgresDriver(self.url) as driver:
            driver.migrate()
        self.admin = Connection[tuple[object, ...]].connect(self.url, autocommit=True)
        connect = AsyncConnection[tables.Row].connect
        self.producer = await connect(self.url, autocommit=True)
        self.db = await connect(self.url, autocommit=True)

    async def close(self) -> None:
        self.admin.close()
        await self.producer.close()
        await self.db.close()

    async def clear(self) -> None:
        self.admin.execute(tables.EMPTY)

    def prepare(self, n: int) -> None:
        self.rows = [(uuid7(), b'{"n":%d,"to":"%b"}' % (i, TO.encode())) for i in range(n)]

    async def enqueue(self, n: int) -> None:
        await self.producer.execute(tables.ENQUEUE[self.listened], self.rows[n])

    async def enqueue_tx(self, n: int) -> None:
        async with self.producer.transaction():
            await self.producer.execute(tables.INSERT, self.rows[n])

    async def enqueue_many(self, first: int, n: int) -> None:
        await tables.copy(self.producer, self.rows[first : first + n])
        if self.listened:
            await self.producer.execute(tables.TELL)

    @asynccontextmanager
    async def telling(self) -> AsyncGenerator[None]:
        await self.db.execute("LISTEN raw")
        self.listened = True
        yield
        self.listened = False
        await self.db.execute("UNLISTEN raw")

    async def told(self) -> None:
        _ = [note async for note in self.db.notifies(stop_after=1)]

    async def stock(self, queued: int, finished: int) -> None:
        tables.stock(self.admin, queued, finished)

    async def take(self, size: int) -> tuple[UUID, list[tables.Row]]:
        token = uuid4()
        cursor = self.db.cursor(binary=True)
        await cursor.execute(tables.CLAIM, (size, token))
        return token, await cursor.fetchall()

    async def finish(self, claimed: Sequence[tables.Row], token: UUID) -> None:
        await self.db.execute(tables.FINISH, ([row[0] for row in claimed], token))
