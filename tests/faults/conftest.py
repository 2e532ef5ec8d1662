"""Every fault on every store and both event loops: a driver that fails as told, on a mock clock."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from goncordia import Args, Client, Job, JobRow, Registry, WorkerPool, worker_pool
from goncordia.driver import Driver
from goncordia.memory import MemoryDriver
from goncordia.testing import FaultyDriver, MockClock
from goncordia_postgres import AnyioConnection, PostgresDriver
from goncordia_sql.sqlite import SqliteDriver
from goncordia_testservers.postgres import Postgres


class Task(Args, kind="task"):
    n: int = 0
    text: str = ""


Begin = Callable[[], AbstractAsyncContextManager[Any]]


class Rig:
    """A store, a client and a registry; `pool()` runs it."""

    Task = Task

    def __init__(self, inner: Driver[Any], begin: Begin) -> None:
        self.inner = inner
        self.begin = begin
        """A transaction of the caller's; an exception rolls it back."""
        self.drivers: list[FaultyDriver[Any]] = []
        self.driver = self.reach()
        """What the next pool uses."""
        self.clock = MockClock(quiet=self.quiet)
        self.jobs = Registry()
        self.client = Client(self.driver, clock=self.clock)

    def reach(self) -> FaultyDriver[Any]:
        """Another way to the store, with faults of its own."""
        self.drivers.append(FaultyDriver(self.inner))
        return self.drivers[-1]

    async def quiet(self) -> None:
        """Until no call is on its way to the store and every task waits."""
        while True:
            calls = self.made
            for driver in self.drivers:
                await driver.quiet()
            if calls == self.made:
                return

    @property
    def made(self) -> int:
        """Calls so far."""
        return sum(driver.calls.total() for driver in self.drivers)

    def pool(self, **options: Any) -> AbstractAsyncContextManager[WorkerPool]:
        """A pool on the mock clock, unless told otherwise."""
        options.setdefault("clock", self.clock)
        return worker_pool(self.driver, self.jobs, **options)

    def handle(self, handler: Callable[[Job[Task]], object], **options: Any) -> None:
        """Let it run the tasks."""
        self.jobs.worker(args=Task, **options)(handler)

    async def enqueue(self, n: int = 0, **options: Any) -> UUID:
        return (await self.client.enqueue(Task(n), **options)).id

    async def enqueue_many(self, n: int) -> list[UUID]:
        return [e.id for e in await self.client.enqueue_many([Task(i) for i in range(n)])]

    async def rest(self, pool: WorkerPool) -> None:
        """Until the pool has done what it can at this time, and so has the store."""
        await pool.settled()
        await self.quiet()
        await pool.settled()

    async def after(self, seconds: float, pool: WorkerPool) -> None:
        """Let time pass, and the pool do what falls due."""
        await self.rest(pool)
        await self.clock.advance(seconds)
        await self.rest(pool)

    async def row(self, ref: UUID) -> JobRow:
        row = (await self.driver.get([ref], now=self.clock.now()))[0]
        assert row is not None
        return row

    async def end_of(self, handler: Callable[[Job[Task]], object], **options: Any) -> JobRow:
        """What becomes of one job with that handler, at once."""
        self.handle(handler, **options)
        async with self.pool() as pool:
            ref = await self.enqueue()
            await self.rest(pool)
        return await self.row(ref)


def in_memory() -> Rig:
    driver = MemoryDriver()
    return Rig(driver, driver.begin)


def on_sqlite(path: Path) -> Rig:
    @asynccontextmanager
    async def begin() -> AsyncGenerator[sqlite3.Connection]:
        connection = sqlite3.connect(path, isolation_level=None, timeout=5)
        with closing(connection):
            connection.execute("BEGIN IMMEDIATE")
            yield connection
            connection.execute("COMMIT")  # closing it rolls back what was not committed

    return Rig(SqliteDriver(path, synchronous="NORMAL"), begin)


def on_postgres(url: str, schema: str) -> Rig:
    @asynccontextmanager
    async def begin() -> AsyncGenerator[AnyioConnection]:
        async with await AnyioConnection.open(url) as connection, connection.transaction():
            yield connection

    return Rig(PostgresDriver(url, schema=schema), begin)


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def store(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="session")
def postgres_database(postgres: Postgres) -> Generator[str]:
    """One database for all, in which each rig has a schema of its own."""
    with postgres.database() as url:
        yield url


@pytest.fixture
def make(store: str, tmp_path: Path, request: pytest.FixtureRequest) -> Callable[[], Rig]:
    """Makes a rig over a store of its own."""
    made = count(1)
    match store:
        case "memory":
            return in_memory
        case "sqlite":
            return lambda: on_sqlite(tmp_path / f"{next(made)}.db")
        case _:
            url: str = request.getfixturevalue("postgres_database")
            return lambda: on_postgres(url, f"rig_{uuid4().hex}")


@pytest.fixture
async def rig(anyio_backend: str, make: Callable[[], Rig]) -> AsyncGenerator[Rig]:
    rig = make()
    async with rig.driver:
        await rig.driver.migrate()
        yield rig


Opened = Callable[[], AbstractAsyncContextManager[Rig]]


@pytest.fixture
def opened(make: Callable[[], Rig]) -> Opened:
    """Opens a rig over a store of its own, as often as asked."""

    @asynccontextmanager
    async def opened() -> AsyncGenerator[Rig]:
        rig = make()
        async with rig.driver:
            await rig.driver.migrate()
            yield rig

    return opened
