"""The caller's own connection and transaction: checked, used, and never settled by us."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from goncordia.errors import HandleMismatch, InvalidArgument
from goncordia.statements import Op

from goncordia_sql.sqlite import migrate
from goncordia_sql.sqlite.env import Env, News
from goncordia_sql.sqlite.link import drive
from goncordia_sql.sqlite.place import Place
from goncordia_sql.sqlite.translate import translate_in_tx

R = TypeVar("R")

_LEGACY = -1
"""`sqlite3.LEGACY_TRANSACTION_CONTROL`, which Python 3.11 does not name."""


class Borrower:
    """Runs operations through callers' connections to one database."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._same: dict[str, bool] = {os.path.realpath(place.path): True}
        self._current = False

    def run(self, tx: sqlite3.Connection, make: Callable[[Env], Op[R]], now: datetime | None) -> R:
        """Run an operation in the transaction that is open on the connection.

        Raises `HandleMismatch` for another kind of object or database, `InvalidArgument` without a
        transaction, `TransactionConflict` where it has to be rerun.
        """
        if not isinstance(tx, sqlite3.Connection):  # pyright: ignore[reportUnnecessaryIsInstance] - untyped callers
            raise HandleMismatch(
                f"tx is a {type(tx).__name__}; this driver writes through sqlite3.Connection"
            )
        news = News()
        try:
            # a cursor of our own: the connection's row_factory does not reach it
            cursor = sqlite3.Cursor(tx)
            self._check(tx, cursor)
            result = drive(cursor, make(Env(now, self._place.kept, news)))
        except sqlite3.Error as error:
            translated = translate_in_tx(error, self._place.path)
            if translated is error:
                raise
            raise translated from error
        if news:
            self._place.post.send(news, committed=False)
        return result

    def _check(self, tx: sqlite3.Connection, cursor: sqlite3.Cursor) -> None:
        self._check_database(cursor)
        if not self._current:
            self._current = drive(cursor, migrate.check())
            if not self._current:
                raise migrate.missing(self._place.path)
            self._place.furnish()
        if not tx.in_transaction:
            _begin(tx, cursor)

    def _check_database(self, cursor: sqlite3.Cursor) -> None:
        """That the connection's main database is this driver's."""
        file = cursor.execute("PRAGMA database_list").fetchone()[2]
        same = self._same.get(file)
        if same is None:
            same = self._same[file] = self._is_same(file)
        if not same:
            raise HandleMismatch(
                f"tx is connected to {file or 'a database in memory'!r}, and the jobs are in "
                f"{self._place.path!r}: connect to that file"
            )

    def _is_same(self, file: str | bytes) -> bool:
        try:
            return bool(file) and os.path.samefile(file, self._place.path)
        except OSError:
            return False


def _begin(tx: sqlite3.Connection, cursor: sqlite3.Cursor) -> None:
    """Begin where the connection would have done so by itself, at the first write."""
    legacy = getattr(tx, "autocommit", _LEGACY) == _LEGACY
    if not legacy or tx.isolation_level is None:
        raise InvalidArgument(
            "tx has no transaction open, and its connection begins none by itself: "
            'execute "BEGIN IMMEDIATE" first, and commit afterwards'
        )
    cursor.execute("BEGIN IMMEDIATE")
