"""Who waits for the write lock holds the turn: who just committed lines up behind."""

from __future__ import annotations

import sqlite3
import threading
import time
from contextlib import closing

import pytest
from goncordia.ids import uuid7
from goncordia.jobs import NewJob
from goncordia_sql.sqlite import SyncSqliteDriver
from goncordia_sql.sqlite.turn import Turn, attempts

fcntl = pytest.importorskip("fcntl", reason="this system has no flock: turns are not taken")


def is_taken(path: str) -> bool:
    with open(f"{path}-goncordia/turn", "rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False


def test_the_turn_is_held_while_waiting_and_given_back(path: str) -> None:
    job = NewJob(uuid7(), "k", b"{}")
    with (
        closing(sqlite3.connect(path, isolation_level=None)) as writer,
        SyncSqliteDriver(path) as first,
        SyncSqliteDriver(path) as second,
    ):
        first.insert([NewJob(uuid7(), "k", b"{}")])
        assert not is_taken(path)
        writer.execute("BEGIN IMMEDIATE")
        waiting = threading.Thread(target=second.insert, args=([job],))
        waiting.start()
        assert attempts(lambda: is_taken(path), time.monotonic() + 10)
        writer.execute("COMMIT")
        waiting.join()
        assert not is_taken(path)
        assert first.get([job.id])[0]


def test_a_turn_that_never_comes_is_passed_over(path: str) -> None:
    """Its holder may be frozen; the lock itself is what keeps writers apart."""
    with SyncSqliteDriver(path) as driver:
        driver.insert([NewJob(uuid7(), "k", b"{}")])
        with open(f"{path}-goncordia/turn", "rb") as frozen:
            fcntl.flock(frozen, fcntl.LOCK_EX)
            driver.insert([NewJob(uuid7(), "k", b"{}")])
        assert sum(count.n for count in driver.stats()) == 2


def test_without_a_folder_everybody_tries_on_his_own() -> None:
    with Turn("/nowhere/at/all").taken():
        pass


def test_attempts_end_at_their_time() -> None:
    assert attempts(lambda: True, 0)
    assert not attempts(lambda: False, 0)
