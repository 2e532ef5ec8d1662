"""Counts what a process asks of SQLite, which has no server that would."""

from __future__ import annotations

import sqlite3
from threading import Lock
from typing import Any


class CountsStatements:
    """Of a subject on SQLite: the statements of all connections that are opened from then on."""

    _count: int | None = None

    def watch(self) -> None:
        """Begin to count."""
        self._count, lock, connect = 0, Lock(), sqlite3.connect

        def one(statement: str) -> None:
            if not statement.startswith("--"):  # what a trigger does
                with lock:
                    self._count = (self._count or 0) + 1

        def connected(*args: Any, **options: Any) -> sqlite3.Connection:
            connection = connect(*args, **options)
            connection.set_trace_callback(one)
            return connection

        sqlite3.connect = connected

    def asked(self) -> int | None:
        """How many so far."""
        return self._count
