"""The same work by hand: the shortest right SQL on the same schema, a connection of its own.

It has no args to check and encode, no sessions, unique keys, resends, hints to other processes.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence
from pathlib import Path

from goncordia.codec import encode
from goncordia.ids import uuid7
from jobs import notes

PRAGMAS = (
    "journal_mode = WAL",
    "synchronous = FULL",
    "temp_store = MEMORY",
    "cache_size = -16384",
    "wal_autocheckpoint = 4000",
)
"""As the driver's own."""
PATIENCE = 60.0
"""Seconds to wait for the lock: its busy handler may let a process starve."""
WEEK = 7 * 24 * 3600 * 1_000_000

INSERT = """
INSERT INTO goncordia_job_row
    (id, kind, queue, args, version, priority, state, run_at, created_at, max_attempts)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""
CLAIM = """
UPDATE goncordia_job_row
SET state = 3, attempt = attempt + 1, session = ?, token = ?, attempted_at = ?
WHERE id IN (
    SELECT id FROM goncordia_job_row WHERE queue = 'default' AND state = 0
    ORDER BY priority DESC, run_at, id LIMIT ?
)
RETURNING id, args"""
FINISH = """
UPDATE goncordia_job_row
SET state = 4, finished_at = ?, expire_at = ?, session = NULL, token = NULL
WHERE id = ? AND token = ? AND state = 3"""

Row = tuple[bytes, str, str, bytes, int, int, int, int, int, int]


def connect(path: Path) -> sqlite3.Connection:
    """A connection whose transactions are begun by hand."""
    connection = sqlite3.connect(path, isolation_level=None, timeout=PATIENCE)
    for pragma in PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")
    return connection


def rows(n: int) -> list[Row]:
    """What goncordia writes for so many notes."""
    at = micros()
    return [
        (uuid7().bytes, "note", "default", encode(note, "args"), 1, 0, 0, at, at, 25)
        for note in notes(n)
    ]


def insert(connection: sqlite3.Connection, batch: Sequence[Row]) -> None:
    """One transaction."""
    connection.execute("BEGIN IMMEDIATE")
    connection.executemany(INSERT, batch)
    connection.execute("COMMIT")


def drain(connection: sqlite3.Connection, size: int) -> tuple[int, list[float]]:
    """Claim so many, finish them, until none are left; the number, and the waits for the lock."""
    done, waits = 0, list[float]()

    def begin() -> None:
        started = time.perf_counter()
        connection.execute("BEGIN IMMEDIATE")
        waits.append(time.perf_counter() - started)

    while True:
        token = uuid7().bytes
        begin()
        claimed = connection.execute(CLAIM, (b"session", token, micros(), size)).fetchall()
        connection.execute("COMMIT")
        if not claimed:
            return done, waits
        now = micros()
        begin()
        connection.executemany(FINISH, [(now, now + WEEK, row[0], token) for row in claimed])
        connection.execute("COMMIT")
        done += len(claimed)


def micros() -> int:
    """Now."""
    return time.time_ns() // 1000
