"""`tx=`: the caller's own connection and transaction, in every mode that Python has had."""

from __future__ import annotations

import os
import sqlite3
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from goncordia.answers import Finished, Insertion
from goncordia.errors import HandleMismatch, InvalidArgument, SchemaMismatch, TransactionConflict
from goncordia.ids import uuid7
from goncordia.jobs import ClaimedJob, NewJob, UniqueKey, completed, released
from goncordia.lifecycle import State
from goncordia.sessions import Claim, WorkerInfo
from goncordia_sql.sqlite import SqliteDriver, SyncSqliteDriver

MODES: dict[str, tuple[dict[str, Any], str | None]] = {
    "none": ({"isolation_level": None}, "BEGIN"),
    "none, immediate": ({"isolation_level": None}, "BEGIN IMMEDIATE"),
    "legacy": ({}, None),
    "legacy, immediate": ({"isolation_level": "IMMEDIATE"}, None),
    "legacy, exclusive": ({"isolation_level": "EXCLUSIVE"}, None),
}
if sys.version_info >= (3, 12):
    MODES["autocommit off"] = ({"autocommit": False}, None)
    MODES["autocommit on"] = ({"autocommit": True}, "BEGIN IMMEDIATE")
    MODES["autocommit legacy"] = ({"autocommit": sqlite3.LEGACY_TRANSACTION_CONTROL}, None)


def job(**options) -> NewJob:
    return NewJob(uuid7(), "k", b"{}", **options)


@pytest.fixture
def store(path: str) -> Iterator[SyncSqliteDriver]:
    with SyncSqliteDriver(path, synchronous="NORMAL") as driver:
        yield driver


@pytest.fixture(params=MODES)
def tx(request: pytest.FixtureRequest, path: str) -> Iterator[sqlite3.Connection]:
    """A connection that is in a transaction, or begins one by itself."""
    options, begin = MODES[request.param]
    with closing(sqlite3.connect(path, **options)) as connection:
        if begin:
            connection.execute(begin)
        yield connection


def settle(tx: sqlite3.Connection, word: str) -> None:
    """What commit() and rollback() do, also where autocommit makes them do nothing."""
    getattr(tx, word)()
    if tx.in_transaction and getattr(tx, "autocommit", None) is True:
        tx.execute(word.upper())


def resume(tx: sqlite3.Connection) -> None:
    """Begin again, where the connection does not do so by itself."""
    by_hand = tx.isolation_level is None or getattr(tx, "autocommit", None) is True
    if by_hand and not tx.in_transaction:
        tx.execute("BEGIN IMMEDIATE")


def test_a_job_lives_and_dies_with_the_transaction(
    store: SyncSqliteDriver, tx: sqlite3.Connection
) -> None:
    lost, kept = job(), job()
    assert store.insert([lost], tx=tx)[0].status is Insertion.CREATED
    assert tx.in_transaction
    assert store.get([lost.id]) == [None], "not before the commit"
    settle(tx, "rollback")
    assert store.get([lost.id]) == [None]
    resume(tx)
    store.insert([kept], tx=tx)
    settle(tx, "commit")
    assert store.get([kept.id])[0]


def test_the_callers_own_rows_commit_with_it(
    store: SyncSqliteDriver, path: str, tx: sqlite3.Connection
) -> None:
    settle(tx, "rollback")
    tx.execute("CREATE TABLE orders (id INTEGER)")
    settle(tx, "commit")
    resume(tx)
    tx.execute("INSERT INTO orders VALUES (1)")
    wanted = job()
    store.insert([wanted], tx=tx)
    tx.execute("INSERT INTO orders VALUES (2)")
    settle(tx, "commit")
    assert store.get([wanted.id])[0]
    assert tx.execute("SELECT count(*) FROM orders").fetchone() == (2,)


def test_unique_keys_hold_in_it(store: SyncSqliteDriver, tx: sqlite3.Connection) -> None:
    key = UniqueKey(b"k" * 32)
    first, second, third = (job(unique=key) for _ in range(3))
    assert store.insert([first], tx=tx)[0].status is Insertion.CREATED
    answer = store.insert([second], tx=tx)[0]
    assert (answer.status, answer.other) == (Insertion.SKIPPED, first.id)
    settle(tx, "rollback")
    assert store.insert([third])[0].status is Insertion.CREATED, "rolled back: the key is free"


def test_nothing_of_the_connection_is_changed(
    store: SyncSqliteDriver, tx: sqlite3.Connection
) -> None:
    def refuse(*args: object) -> object:
        raise AssertionError(args)

    tx.row_factory = refuse
    tx.text_factory = bytes
    before = (tx.isolation_level, getattr(tx, "autocommit", None), tx.total_changes)
    jobs = [job(unique=UniqueKey(b"k" * 32), tags=("t",)) for _ in range(3)]
    store.insert(jobs, tx=tx)
    store.insert(jobs, tx=tx)
    assert tx.row_factory is refuse
    assert tx.text_factory is bytes
    assert before[:2] == (tx.isolation_level, getattr(tx, "autocommit", None))
    settle(tx, "commit")
    assert store.get([jobs[0].id])[0]


@pytest.mark.parametrize("options", [{"isolation_level": None}, {"autocommit": True}])
def test_without_a_transaction_it_is_refused(
    store: SyncSqliteDriver, path: str, options: dict[str, Any]
) -> None:
    if "autocommit" in options and sys.version_info < (3, 12):
        options = {"isolation_level": None}
    with closing(sqlite3.connect(path, **options)) as tx:
        with pytest.raises(InvalidArgument, match="BEGIN IMMEDIATE"):
            store.insert([job()], tx=tx)
        assert tx.total_changes == 0
    assert store.stats() == []


def test_another_database_is_refused(store: SyncSqliteDriver, path: str, tmp_path: Path) -> None:
    for name in (str(tmp_path / "other.db"), ":memory:"):
        with (
            closing(sqlite3.connect(name)) as tx,
            pytest.raises(HandleMismatch, match="jobs are in"),
        ):
            store.insert([job()], tx=tx)
    with pytest.raises(HandleMismatch, match=r"writes through sqlite3\.Connection"):
        store.insert([job()], tx="a string")  # type: ignore[arg-type] - the mistake in question


@pytest.mark.parametrize("link", [os.link, os.symlink])
def test_the_same_file_by_another_name(
    store: SyncSqliteDriver, path: str, tmp_path: Path, link: Callable[[str, str], None]
) -> None:
    if link is os.link:  # a hard link has a WAL of its own: only the check is of interest
        other = str(tmp_path / "hard.db")
        link(path, other)
        assert store._borrower._is_same(other)
        return
    other = str(tmp_path / "soft.db")
    link(path, other)
    wanted = job()
    with closing(sqlite3.connect(other)) as tx:
        store.insert([wanted], tx=tx)
        tx.commit()
    assert store.get([wanted.id])[0]


def test_another_threads_connection_is_refused(store: SyncSqliteDriver, path: str) -> None:
    with ThreadPoolExecutor(1) as thread:
        tx = thread.submit(sqlite3.connect, path).result()
        with pytest.raises(InvalidArgument, match="thread"):
            store.insert([job()], tx=tx)
        thread.submit(tx.close).result()


def test_a_closed_connection_is_refused(store: SyncSqliteDriver, path: str) -> None:
    tx = sqlite3.connect(path)
    tx.close()
    with pytest.raises(InvalidArgument, match="closed"):
        store.insert([job()], tx=tx)


def test_a_missing_schema_is_told_before_anything_begins(tmp_path: Path) -> None:
    path = tmp_path / "bare.db"
    with SyncSqliteDriver(path) as driver, closing(sqlite3.connect(path)) as tx:
        with pytest.raises(SchemaMismatch, match="goncordia migrate"):
            driver.insert([job()], tx=tx)
        assert not tx.in_transaction


def test_a_busy_snapshot_says_begin_immediate(store: SyncSqliteDriver, path: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as tx:
        tx.execute("BEGIN")
        tx.execute("SELECT count(*) FROM goncordia_job").fetchone()
        store.insert([job()])
        with pytest.raises(TransactionConflict, match="BEGIN IMMEDIATE"):
            store.insert([job()], tx=tx)
        tx.execute("ROLLBACK")
        tx.execute("BEGIN IMMEDIATE")
        store.insert([job()], tx=tx)
        tx.execute("COMMIT")


def test_another_writer_is_a_conflict(store: SyncSqliteDriver, path: str) -> None:
    with (
        closing(sqlite3.connect(path, isolation_level=None)) as writer,
        closing(sqlite3.connect(path, timeout=0)) as tx,
    ):
        writer.execute("BEGIN IMMEDIATE")
        with pytest.raises(TransactionConflict, match="BEGIN IMMEDIATE"):
            store.insert([job()], tx=tx)
        writer.execute("COMMIT")


async def claim_one(driver: SqliteDriver) -> ClaimedJob:
    session = await driver.join(WorkerInfo("w"), timedelta(seconds=60))
    claims = await driver.claim(Claim(uuid7(), session.id, {"default": 1}))
    return claims.jobs[0]


async def state(driver: SqliteDriver, id: UUID) -> State:
    row = (await driver.get([id]))[0]
    assert row is not None
    return row.state


@pytest.mark.anyio
async def test_a_completion_and_its_follow_up_are_of_the_transaction(
    driver: SqliteDriver, tx: sqlite3.Connection
) -> None:
    settle(tx, "rollback")
    await driver.insert([job()])
    claimed = await claim_one(driver)
    follow_up = job(run_at=timedelta(hours=1))
    outcome = completed(claimed, b"1", [follow_up])
    resume(tx)
    assert await driver.finish([outcome], tx=tx) == [Finished.DONE]
    settle(tx, "rollback")
    assert await state(driver, claimed.id) is State.RUNNING
    resume(tx)
    assert await driver.finish([outcome], tx=tx) == [Finished.DONE]
    settle(tx, "commit")
    assert await state(driver, claimed.id) is State.COMPLETED
    assert await state(driver, follow_up.id) is State.SCHEDULED
    assert await driver.finish([released(claimed)]) == [Finished.LOST]


@pytest.mark.anyio
async def test_an_async_driver_writes_on_the_callers_thread(
    driver: SqliteDriver, tx: sqlite3.Connection
) -> None:
    lost, kept = job(), job()
    insert = partial(driver.insert, tx=tx)
    await insert([lost])
    settle(tx, "rollback")
    resume(tx)
    await insert([kept])
    settle(tx, "commit")
    assert [row is not None for row in await driver.get([lost.id, kept.id])] == [False, True]
