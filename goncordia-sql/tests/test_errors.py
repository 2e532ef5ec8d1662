"""Each trouble with the file is a typed error that says what to do; the driver stays usable."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import anyio
import pytest
from goncordia.errors import InvalidArgument, SchemaMismatch, StoreUnusable, Unavailable
from goncordia.ids import uuid7
from goncordia.jobs import NewJob
from goncordia_sql.sqlite import SqliteDriver, SyncSqliteDriver


def jobs(n: int = 1, size: int = 2) -> list[NewJob]:
    return [NewJob(uuid7(), "k", b"x" * size) for _ in range(n)]


def held(driver: SyncSqliteDriver) -> int:
    return sum(count.n for count in driver.stats())


def mark_read_only(path: str) -> None:
    """A write version that this SQLite does not know makes it treat the file as read-only."""
    with open(path, "r+b") as file:
        file.seek(18)
        file.write(b"\x03")


def test_a_read_only_file(path: str) -> None:
    mark_read_only(path)
    with SyncSqliteDriver(path) as driver:
        assert held(driver) == 0
        with pytest.raises(StoreUnusable, match=r"read-only: give this user the right to write"):
            driver.insert(jobs())


def test_a_full_disk_and_room_made(path: str) -> None:
    with SyncSqliteDriver(path) as driver:
        connection = driver._link._open()
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages + 2}")
        with pytest.raises(Unavailable, match="disk is full: make room"):
            driver.insert(jobs(50, 5000))
        assert held(driver) == 0
        connection.execute("PRAGMA max_page_count = 100000")
        driver.insert(jobs(50, 5000))
        assert held(driver) == 50


def test_a_locked_file_and_the_lock_let_go(path: str) -> None:
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with SyncSqliteDriver(path, busy_timeout=0.05) as driver:
        with pytest.raises(Unavailable, match="holds the write lock"):
            driver.insert(jobs())
        assert held(driver) == 0, "readers don't wait for a writer"
        other.execute("COMMIT")
        driver.insert(jobs())
        assert held(driver) == 1
    other.close()


def test_a_corrupt_file(path: str) -> None:
    with sqlite3.connect(path) as connection:
        query = "SELECT rootpage FROM sqlite_schema WHERE name = 'goncordia_job_row'"
        root = connection.execute(query).fetchone()[0]
        size = connection.execute("PRAGMA page_size").fetchone()[0]
    connection.close()
    with open(path, "r+b") as file:
        file.seek((root - 1) * size)
        file.write(b"\xa5" * size)
    with (
        SyncSqliteDriver(path) as driver,
        pytest.raises(StoreUnusable, match="damaged: stop the workers, restore"),
    ):
        driver.insert(jobs())


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("Remember the milk. " * 100)
    with pytest.raises(StoreUnusable, match="no SQLite database: check the path"):
        SyncSqliteDriver(path).__enter__()
    assert path.read_text().startswith("Remember the milk.")


def test_a_directory_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(StoreUnusable, match="its directory must exist"):
        SyncSqliteDriver(tmp_path / "none" / "jobs.db").__enter__()


def test_a_file_without_the_schema(tmp_path: Path) -> None:
    with SyncSqliteDriver(tmp_path / "jobs.db") as driver:
        with pytest.raises(SchemaMismatch, match="goncordia migrate"):
            driver.insert(jobs())
        with pytest.raises(SchemaMismatch, match="goncordia migrate"):
            driver.stats()
        driver.migrate()
        driver.insert(jobs())
        assert held(driver) == 1


def test_looking_makes_no_file(tmp_path: Path) -> None:
    with SyncSqliteDriver(tmp_path / "jobs.db") as driver:
        for look in (driver.stats, driver.queues, driver.sessions, lambda: driver.get([uuid7()])):
            with pytest.raises(SchemaMismatch, match="goncordia migrate"):
                look()
        with pytest.raises(SchemaMismatch, match="goncordia migrate"):
            driver.insert(jobs())
    assert not list(tmp_path.iterdir())


def test_a_file_that_another_makes_meanwhile_is_used(tmp_path: Path) -> None:
    path = tmp_path / "jobs.db"
    with SyncSqliteDriver(path) as early, SyncSqliteDriver(path) as other:
        other.migrate()
        other.insert(jobs(3))
        assert held(early) == 3
        early.insert(jobs())
        assert held(other) == 4


def test_so_is_one_that_could_not_be_opened_at_first(tmp_path: Path) -> None:
    path = tmp_path / "jobs.db"
    with SyncSqliteDriver(path) as driver:
        path.write_text("Remember the milk. " * 100)
        for _ in range(2):
            with pytest.raises(StoreUnusable, match="no SQLite database"):
                driver.stats()
        path.unlink()
        driver.migrate()
        assert held(driver) == 0


@pytest.mark.anyio
async def test_a_listener_hears_in_a_file_that_was_made_late(tmp_path: Path) -> None:
    path = tmp_path / "jobs.db"
    async with SqliteDriver(path) as driver, SqliteDriver(path) as early:
        await driver.migrate()
        async with driver.listen(["default"]) as wakeups:
            connection = sqlite3.connect(path)
            await early.insert(jobs(), tx=connection)
            connection.commit()
            connection.close()
            with anyio.fail_after(60):
                assert await wakeups.wait()


def test_a_newer_schema(path: str) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("INSERT INTO goncordia_schema VALUES (999, 'later', 0)")
    connection.close()
    with pytest.raises(SchemaMismatch, match=r"version 999.*upgrade goncordia-sql"):
        SyncSqliteDriver(path).__enter__()


def test_a_driver_that_is_not_open(path: str) -> None:
    driver = SyncSqliteDriver(path)
    with pytest.raises(StoreUnusable, match="use `async with` or `with`"):
        driver.stats()


@pytest.mark.anyio
async def test_the_same_on_an_event_loop(path: str, tmp_path: Path) -> None:
    with pytest.raises(StoreUnusable, match="use `async with`"):
        await SqliteDriver(path).stats()
    async with SqliteDriver(tmp_path / "fresh.db") as driver:
        with pytest.raises(SchemaMismatch, match="goncordia migrate"):
            await driver.insert(jobs())
    other = sqlite3.connect(path, isolation_level=None)
    async with SqliteDriver(path, busy_timeout=0.05) as driver:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Unavailable, match="holds the write lock"):
            await driver.insert(jobs())
        other.execute("COMMIT")
        other.close()
        await driver.insert(jobs())
    mark_read_only(path)
    async with SqliteDriver(path) as driver:
        with pytest.raises(StoreUnusable, match="read-only"):
            await driver.insert(jobs())


@pytest.mark.parametrize(
    ("path", "options", "message"),
    [
        (":memory:", {}, "memory://"),
        ("", {}, "memory://"),
        ("jobs.db", {"synchronous": "OFF"}, "NORMAL, FULL, EXTRA"),
        ("jobs.db", {"busy_timeout": 0}, "use seconds"),
    ],
)
def test_what_is_refused_at_the_door(path: str, options: dict[str, Any], message: str) -> None:
    for driver in (SqliteDriver, SyncSqliteDriver):
        with pytest.raises(InvalidArgument, match=message):
            driver(path, **options)
