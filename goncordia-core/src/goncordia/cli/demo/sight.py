"""What the file shows while the demo runs, read with plain SQL."""

from __future__ import annotations

import sqlite3
from typing import NamedTuple

_COUNTS = "SELECT state, count(*) FROM goncordia_job GROUP BY state"
_ORDERS = "SELECT count(*) FROM demo_order"
_RUNNING = "SELECT id FROM goncordia_job WHERE state = 'running'"
_EXPORT = """
SELECT id FROM goncordia_job
WHERE kind = 'export_books' AND state = 'running' AND id IN (SELECT job FROM demo_run)"""
_LOST = """
SELECT count(*) FROM demo_killed JOIN goncordia_job ON id = job
WHERE errors NOT LIKE '%"WorkerLost"%' OR errors IS NULL"""
_LIVE = ("available", "scheduled", "retryable", "running")


class Sight(NamedTuple):
    """One look at the file."""

    counts: dict[str, int]
    """Jobs by state."""
    orders: int
    """Orders that committed."""

    @property
    def live(self) -> int:
        """Jobs that have not ended."""
        return sum(self.counts.get(state, 0) for state in _LIVE)

    @property
    def ended(self) -> int:
        """Jobs that have."""
        return sum(self.counts.values()) - self.live


def look(connection: sqlite3.Connection) -> Sight:
    """How things stand."""
    counts = dict(connection.execute(_COUNTS).fetchall())
    (orders,) = connection.execute(_ORDERS).fetchone()
    return Sight(counts, orders)


def running(connection: sqlite3.Connection) -> list[str]:
    """The ids of the jobs that run."""
    return [job for (job,) in connection.execute(_RUNNING)]


def running_export(connection: sqlite3.Connection) -> str | None:
    """The job that goes on until it is cancelled, once its handler runs."""
    row = connection.execute(_EXPORT).fetchone()
    return None if row is None else row[0]


def still_lost(connection: sqlite3.Connection) -> int:
    """How many jobs of the killed worker were not taken back yet."""
    (number,) = connection.execute(_LOST).fetchone()
    return number
