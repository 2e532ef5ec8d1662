"""The shop's own tables, in the same file as the jobs, and connections to them."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager

from anyio import to_thread

PATIENCE = 30.0
"""Seconds that a transaction waits for the one writer that SQLite allows."""

TABLES = """
CREATE TABLE demo_plan (
    number INTEGER PRIMARY KEY,
    rolled_back INTEGER NOT NULL  -- whether its transaction is to be
);
CREATE TABLE demo_need (  -- the jobs of an order, should it commit
    number INTEGER NOT NULL,
    kind TEXT NOT NULL
);
CREATE TABLE demo_order (  -- those that committed
    number INTEGER PRIMARY KEY,
    writer TEXT NOT NULL,
    report TEXT  -- the answer to its enqueue of the daily report: created or skipped
);
CREATE TABLE demo_payment (
    number INTEGER NOT NULL  -- not unique, so that a double charge would show
);
CREATE TABLE demo_run (  -- what handlers write down, attempt by attempt
    job TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    pid INTEGER NOT NULL,
    started_at REAL NOT NULL,
    ended_at REAL,
    how TEXT
);
CREATE INDEX demo_run_job ON demo_run (job);
CREATE TABLE demo_killed (  -- the jobs that a worker held when it got SIGKILL
    job TEXT NOT NULL,
    pid INTEGER NOT NULL
);
"""


def connect(path: str) -> sqlite3.Connection:
    """A connection that begins and ends its transactions only when told to."""
    connection = sqlite3.connect(
        path, timeout=PATIENCE, isolation_level=None, check_same_thread=False
    )
    connection.execute("PRAGMA synchronous = NORMAL")
    return connection


@contextmanager
def transaction(connection: sqlite3.Connection) -> Generator[sqlite3.Connection]:
    """Commit at the end of the block, roll back where it raises; for plain code."""
    connection.execute("BEGIN IMMEDIATE")
    with connection:
        yield connection


@asynccontextmanager
async def async_transaction(path: str) -> AsyncGenerator[sqlite3.Connection]:
    """The same on an event loop: the wait for the other writers is spent in a thread."""
    connection = await to_thread.run_sync(connect, path)
    try:
        await to_thread.run_sync(connection.execute, "BEGIN IMMEDIATE")
        with connection:
            yield connection
    finally:
        connection.close()
