"""One connection to the file: how it is opened, how operations and transactions run on it.

All of it blocks; `io` runs it on threads, `sync` under a lock.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Generic, TypeVar, cast

from goncordia.errors import StoreUnusable
from goncordia.statements import Many, Op, Reply

from goncordia_sql.sqlite import migrate
from goncordia_sql.sqlite.env import Env, News
from goncordia_sql.sqlite.place import Place
from goncordia_sql.sqlite.translate import is_busy, translate
from goncordia_sql.sqlite.turn import Turn, attempts

R = TypeVar("R")

_PRAGMAS = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA temp_store = MEMORY",
    "PRAGMA cache_size = -16384",
    "PRAGMA wal_autocheckpoint = 4000",
    "PRAGMA journal_size_limit = 67108864",
)


class Work(Generic[R]):
    """One operation to run, and what came of it."""

    __slots__ = ("error", "idle", "make", "migrates", "now", "result", "weight")

    def __init__(
        self,
        make: Callable[[Env], Op[R]],
        now: datetime | None = None,
        idle: Callable[[Env], Op[R | None]] | None = None,
        *,
        weight: int = 1,
        migrates: bool = False,
    ) -> None:
        self.make = make
        """Makes the operation: more than once, if a transaction had to be run again."""
        self.now = now
        self.idle = idle
        """Reads only: the answer, where there is nothing to do."""
        self.weight = weight
        """How many jobs it is about: a transaction is kept short by it."""
        self.migrates = migrates
        """Runs on any schema, and changes it."""
        self.result: R | None = None
        self.error: Exception | None = None

    def answer(self) -> R:
        """The result, or raise the error."""
        if self.error is not None:
            raise self.error
        return cast("R", self.result)


def drive(cursor: sqlite3.Cursor, op: Op[R]) -> R:
    """Answer each step of an operation."""
    try:
        step = next(op)
        while True:
            if isinstance(step, Many):
                cursor.executemany(step.text, step.rows)
                step = op.send(Reply((), cursor.rowcount))
            else:
                rows = cursor.execute(step.text, step.params).fetchall()
                step = op.send(Reply(rows, cursor.rowcount))
    except StopIteration as stop:
        return stop.value
    finally:
        op.close()


class Link:
    """A connection of the driver's own."""

    def __init__(self, place: Place, *, reads_only: bool = False) -> None:
        self._place = place
        self._reads_only = reads_only
        self._turn = Turn(place.folder)
        self._connection: sqlite3.Connection | None = None
        self._current = False
        self._awaits = False
        """Opened where there is no file yet."""
        self.closing = False
        """Set from any thread: wait for no lock any more."""

    def open(self) -> None:
        """Connect, if there is a file: looking at jobs never makes one.

        Raises `StoreUnusable`, `Unavailable`, `SchemaMismatch` for a newer schema.
        """
        self.closing = False
        self._awaits = not self._place.exists
        if not self._awaits:
            self._connect()

    def _connect(self) -> None:
        place = self._place
        try:
            place.furnish()
            self._connection = sqlite3.connect(
                place.path,
                timeout=place.busy_timeout,
                isolation_level=None,
                check_same_thread=False,
                cached_statements=256,
            )
            for pragma in (*_PRAGMAS, f"PRAGMA synchronous = {place.synchronous}"):
                self._connection.execute(pragma)
            self._current = drive(self._connection.cursor(), migrate.check())
            # a writer takes its turn instead of SQLite's own waiting
            last = "query_only = 1" if self._reads_only else "busy_timeout = 0"
            self._connection.execute(f"PRAGMA {last}")
            self._awaits = False
        except sqlite3.Error as error:
            self.close()
            raise translate(error, place.path) from error
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Disconnect."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        self._awaits = False
        self._turn.close()

    def _arrive(self, group: Sequence[Work[R]]) -> None:
        """Connect late: somebody has made the file meanwhile, or a migration is about to."""
        if self._awaits and (self._place.exists or any(work.migrates for work in group)):
            try:
                self._connect()
            except BaseException:
                self._awaits = True  # the next call tries again
                raise

    def read(self, group: Sequence[Work[R]]) -> None:
        """Run operations that read, each by itself."""
        self._arrive(group)
        for work in group:
            try:
                self._check(work)
                work.result = drive(self._cursor(), work.make(self._env(work, News())))
            except Exception as error:
                work.error = self._error(error)

    def write(self, group: Sequence[Work[R]]) -> None:
        """Run operations in one transaction; each is answered once that is committed."""
        self._arrive(group)
        todo = group
        if all(work.idle for work in group):  # else there is a transaction anyway
            todo = [work for work in group if not self._is_idle(work)]
        while todo:
            todo = self._transaction(todo)

    def _is_idle(self, work: Work[R]) -> bool:
        if work.idle is None:
            return False
        try:
            self._check(work)
            work.result = drive(self._cursor(), work.idle(self._env(work, News())))
        except Exception as error:
            work.error = self._error(error)
            return True
        return work.result is not None

    def _transaction(self, group: Sequence[Work[R]]) -> Sequence[Work[R]]:
        """Run them; which of them are to be run again, since another one failed half-way."""
        news = News()
        try:
            self._begin()
            for work in group:
                if self._spoilt(work, news):
                    self._roll_back()
                    return [other for other in group if other.error is None]
            self._cursor().execute("COMMIT")
        except Exception as error:
            self._roll_back()
            for work in group:
                work.error = work.error or self._error(error)
            return ()
        if news:
            self._place.post.send(news)
        return ()

    def _spoilt(self, work: Work[R], news: News) -> bool:
        """Run one; whether it failed after it had written, so that all has to be undone."""
        connection = self._open()
        before = connection.total_changes
        try:
            self._check(work)
            work.result = drive(self._cursor(), work.make(self._env(work, news)))
            return False
        except Exception as error:
            work.error = self._error(error)
            wrote = work.migrates or connection.total_changes != before
            return wrote or not connection.in_transaction

    def _begin(self) -> None:
        """Take the write lock in turn, within the busy timeout."""
        busy: list[sqlite3.Error] = []
        cursor = self._cursor()

        def begun() -> bool:
            try:
                cursor.execute("BEGIN IMMEDIATE")
                return True
            except sqlite3.OperationalError as error:
                if not is_busy(error) or self.closing:
                    raise
                busy.append(error)
                return False

        until = time.monotonic() + self._place.busy_timeout
        with self._turn.taken():
            if not attempts(begun, until):
                raise busy[-1]

    def _roll_back(self) -> None:
        if self._connection is not None and self._connection.in_transaction:
            self._cursor().execute("ROLLBACK")

    def _check(self, work: Work[R]) -> None:
        """Raise `SchemaMismatch` unless the schema is one to work on."""
        if not (self._current or work.migrates):
            self._current = drive(self._cursor(), migrate.check())
            if not self._current:
                raise migrate.missing(self._place.path)

    def _env(self, work: Work[R], news: News) -> Env:
        return Env(work.now, self._place.kept, news)

    def _open(self) -> sqlite3.Connection:
        if self._awaits:
            raise migrate.missing(self._place.path)
        if self._connection is None:
            raise StoreUnusable(f"{self._place.path}: not open; use `async with` or `with`")
        return self._connection

    def _cursor(self) -> sqlite3.Cursor:
        return self._open().cursor()

    def _error(self, error: Exception) -> Exception:
        if isinstance(error, sqlite3.Error):
            translated = translate(error, self._place.path)
            translated.__cause__ = error if translated is not error else None
            return translated
        return error
