"""The same work by hand: the shortest right SQL on the same schema, a connection of its own.

It has no args to check and encode, no sessions, unique keys, resends, hints to other processes.
"""

from __future__ import annotations

import shutil
import sqlite3
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from goncordia.codec import encode
from goncordia.ids import uuid7
from subject import TO
from subjects.goncordia_queue import Note

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

# Sixteen digits make an id, in the order of time as real ones are.
FINISHED = """
WITH RECURSIVE counted(n) AS (
    SELECT 1 WHERE ?1 > 0 UNION ALL SELECT n + 1 FROM counted WHERE n < ?1
)
INSERT INTO goncordia_job_row
    (id, kind, queue, args, version, priority, state, run_at, created_at, attempt, max_attempts,
    attempted_at, finished_at, expire_at, mark_token, mark)
SELECT CAST(printf('%016d', n) AS BLOB), 'note', 'default', ?2, 1, 0, 4, ?3 + n, ?3 + n, 1, 25,
    ?3 + n, ?3 + n, ?4 + n, CAST(printf('%016d', n / 100) AS BLOB), 0
FROM counted"""
QUEUED = """
WITH RECURSIVE counted(n) AS (
    SELECT 1 WHERE ?1 > 0 UNION ALL SELECT n + 1 FROM counted WHERE n < ?1
)
INSERT INTO goncordia_job_row
    (id, kind, queue, args, version, priority, state, run_at, created_at, max_attempts)
SELECT CAST(printf('1%015d', n) AS BLOB), 'note', 'default', ?2, 1, 0, 0, ?3 - n, ?3 - n, 25
FROM counted"""

Begin = Callable[[sqlite3.Connection], None]
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
        for note in (Note(i, TO) for i in range(n))
    ]


def insert(connection: sqlite3.Connection, batch: Sequence[Row]) -> None:
    """One transaction."""
    connection.execute("BEGIN IMMEDIATE")
    connection.executemany(INSERT, batch)
    connection.execute("COMMIT")


def begin(connection: sqlite3.Connection) -> None:
    """Wait for the write lock."""
    connection.execute("BEGIN IMMEDIATE")


def claim(
    connection: sqlite3.Connection, size: int, begin: Begin = begin
) -> tuple[bytes, list[tuple[bytes, bytes]]]:
    """One transaction; the token, and ids and args."""
    token = uuid7().bytes
    begin(connection)
    claimed = connection.execute(CLAIM, (b"session", token, micros(), size)).fetchall()
    connection.execute("COMMIT")
    return token, claimed


def finish(
    connection: sqlite3.Connection,
    claimed: Sequence[tuple[bytes, bytes]],
    token: bytes,
    begin: Begin = begin,
) -> None:
    """One transaction."""
    now = micros()
    begin(connection)
    connection.executemany(FINISH, [(now, now + WEEK, job[0], token) for job in claimed])
    connection.execute("COMMIT")


def stock(connection: sqlite3.Connection, queued: int, finished: int) -> None:
    """Add so many jobs, those that are ended not to be pruned today."""
    now, args = micros(), rows(1)[0][3]
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute(FINISHED, (finished, args, now, now + WEEK))
    connection.execute(QUEUED, (queued, args, now))
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.execute("PRAGMA synchronous = FULL")


def remove(path: Path) -> None:
    """The file, and all that stands beside it."""
    for file in path.parent.glob(f"{path.name}*"):
        shutil.rmtree(file) if file.is_dir() else file.unlink()


def micros() -> int:
    """Now."""
    return time.time_ns() // 1000
