"""Jobs, workers, and the ways to hold a transaction."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg  # pyright: ignore[reportMissingTypeStubs] - it has none
import psycopg
from goncordia.answers import Filter
from goncordia.ids import uuid7
from goncordia.jobs import ClaimedJob, NewJob
from goncordia.sessions import Claim, WorkerInfo
from goncordia_postgres import AnyioConnection, PostgresDriver
from goncordia_testservers.postgres import Postgres

TABLES = ("job_row", "unique_key", "session", "queue", "value")


class Shelf:
    """Databases with the schema in them, emptied and used again."""

    def __init__(self, postgres: Postgres, template: str) -> None:
        self.postgres, self.template = postgres, template
        self.idle: list[str] = []
        self.made: list[str] = []

    @contextmanager
    def lend(self) -> Generator[str]:
        if self.idle:
            name = self.idle.pop()
            with psycopg.connect(self.postgres.url(name)) as connection:
                for table in TABLES:
                    connection.execute(f"DELETE FROM goncordia.{table}")
        else:
            name = self.postgres.create(self.template)
            self.made.append(name)
        yield self.postgres.url(name)
        self.idle.append(name)

    def clear(self) -> None:
        for name in self.made:
            self.postgres.drop(name)


def job(**options: Any) -> NewJob:
    return NewJob(uuid7(), "k", b"{}", **options)


async def running(driver: PostgresDriver, n: int = 1, queue: str = "default") -> list[ClaimedJob]:
    """Jobs that a worker has just claimed."""
    await driver.insert([job(queue=queue) for _ in range(n)])
    return await take(driver, n, queue)


async def take(driver: PostgresDriver, n: int = 1, queue: str = "default") -> list[ClaimedJob]:
    session = await driver.join(WorkerInfo("w"), timedelta(seconds=60))
    return (await driver.claim(Claim(uuid7(), session.id, {queue: n}))).jobs


class Handle:
    """A caller's connection, of any library."""

    def __init__(self, connection: Any) -> None:
        self.tx = connection
        self.run: Callable[[str], Any] = connection.execute


@asynccontextmanager
async def psycopg_here(url: str) -> AsyncGenerator[Handle]:
    connection = await AnyioConnection.open(url, autocommit=True)
    try:
        yield Handle(connection)
    finally:
        await connection.close()


@asynccontextmanager
async def psycopg_native(url: str) -> AsyncGenerator[Handle]:
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        yield Handle(connection)


@asynccontextmanager
async def asyncpg_here(url: str) -> AsyncGenerator[Handle]:
    connection = await asyncpg.connect(url)
    try:
        yield Handle(connection)
    finally:
        await connection.close()


@asynccontextmanager
async def asyncpg_lent(url: str) -> AsyncGenerator[Handle]:
    """By a pool: a proxy."""
    async with asyncpg.create_pool(url, min_size=1, max_size=1) as pool, pool.acquire() as lent:
        yield Handle(lent)


HANDLES: dict[str, Callable[[str], AbstractAsyncContextManager[Handle]]] = {
    "anyio": psycopg_here,
    "psycopg": psycopg_native,
    "asyncpg": asyncpg_here,
    "asyncpg pool": asyncpg_lent,
}


async def ids(driver: PostgresDriver) -> set[UUID]:
    return {row.id for row in (await driver.list(Filter())).rows}
