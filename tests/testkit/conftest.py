"""A tracker over each store, in both kinds, and transactions of the caller's."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager, closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest
from goncordia import Args, Client
from goncordia.memory import MemoryDriver
from goncordia.testing import SyncTracker, Tracker
from goncordia_postgres import AnyioConnection, PostgresDriver, SyncPostgresDriver
from goncordia_sql.sqlite import SqliteDriver, SyncSqliteDriver


class Mail(Args, kind="mail"):
    to: str = ""
    subject: str = ""


class Text(Args, kind="text"):
    phone: str = ""


class Kit:
    """A tracker, and how to begin a transaction that it takes."""

    def __init__(self, tracker: Tracker[Any], begin: Callable[[], Any]) -> None:
        self.tracker = tracker
        self.client: Client[Any] = tracker.client
        self.begin = begin


@contextmanager
def connection(path: Path) -> Generator[sqlite3.Connection]:
    """Commits what the block wrote; an exception rolls back."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield connection
        connection.execute("COMMIT")


@asynccontextmanager
async def anyio_connection(url: str) -> AsyncGenerator[AnyioConnection]:
    """The same on PostgreSQL, on either event loop."""
    async with await AnyioConnection.open(url) as connection, connection.transaction():
        yield connection


@contextmanager
def psycopg_connection(url: str) -> Generator[psycopg.Connection[Any]]:
    """The same without one."""
    with psycopg.connect(url) as connection, connection.transaction():
        yield connection


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def store(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
async def kit(
    anyio_backend: str, store: str, tmp_path: Path, request: pytest.FixtureRequest
) -> AsyncGenerator[Kit]:
    """For tests on an event loop."""
    if store == "postgres":
        url: str = request.getfixturevalue("postgres_url")
        async with PostgresDriver(url) as postgres:
            await postgres.migrate()
            yield Kit(Tracker(postgres), partial(anyio_connection, url))
        return
    if store == "memory":
        driver = MemoryDriver()
        yield Kit(Tracker(driver), driver.begin)
        return
    path = tmp_path / "jobs.db"

    @asynccontextmanager
    async def begin() -> AsyncGenerator[sqlite3.Connection]:
        with connection(path) as tx:
            yield tx

    async with SqliteDriver(path, synchronous="NORMAL") as driver:
        await driver.migrate()
        yield Kit(Tracker(driver), begin)


@pytest.fixture
def sync_kit(store: str, tmp_path: Path, request: pytest.FixtureRequest) -> Generator[Kit]:
    """For tests without one."""
    if store == "postgres":
        url: str = request.getfixturevalue("postgres_url")
        with SyncPostgresDriver(url) as postgres:
            postgres.migrate()
            kept: Any = SyncTracker(postgres, runs=lambda: PostgresDriver(url))
            yield Kit(kept, partial(psycopg_connection, url))
        return
    if store == "memory":
        memory = MemoryDriver()
        tracker: Any = SyncTracker(memory.sync(), runs=lambda: memory)
        yield Kit(tracker, memory.sync().begin)
        return
    path = tmp_path / "jobs.db"
    with SyncSqliteDriver(path, synchronous="NORMAL") as driver:
        driver.migrate()
        tracker: Any = SyncTracker(driver, runs=lambda: SqliteDriver(path, synchronous="NORMAL"))
        yield Kit(tracker, lambda: connection(path))
