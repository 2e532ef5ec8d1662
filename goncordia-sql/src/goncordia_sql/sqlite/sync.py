"""The driver for code without an event loop: one connection, under a lock; no thread."""

from __future__ import annotations

import builtins
import os
import sqlite3
import threading
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from types import TracebackType
from typing import Self, TypeVar
from uuid import UUID

from goncordia.actions import Acted, Action, check_action
from goncordia.answers import (
    Count,
    Filter,
    Finished,
    Inserted,
    Page,
    Progress,
    Queue,
    QueueChange,
    Step,
)
from goncordia.jobs import JobRow, NewJob, Outcome
from goncordia.retention import Retention
from goncordia.sessions import Session
from goncordia.statements import Op

from goncordia_sql.sqlite import act, finish, insert, migrate, query, upkeep
from goncordia_sql.sqlite.borrow import Borrower
from goncordia_sql.sqlite.env import Env
from goncordia_sql.sqlite.link import Link, Work
from goncordia_sql.sqlite.place import Place
from goncordia_sql.sqlite.promises import Promises

R = TypeVar("R")


class SyncSqliteDriver(Promises):
    """A `SyncDriver[sqlite3.Connection]`; the arguments are those of `SqliteDriver`.

    Threads may share it; they take turns.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        synchronous: str = "FULL",
        busy_timeout: float = 5.0,
        retention: Retention | None = None,
    ) -> None:
        """Note where the file is; entering the driver opens it."""
        self._place = Place(
            path,
            synchronous=synchronous,
            busy_timeout=busy_timeout,
            retention=retention or Retention(),
        )
        self._borrower = Borrower(self._place)
        self._link = Link(self._place)
        self._lock = threading.Lock()

    def insert(
        self,
        jobs: Sequence[NewJob],
        *,
        tx: sqlite3.Connection | None = None,
        now: datetime | None = None,
    ) -> builtins.list[Inserted]:
        """As in `Driver`."""
        return self._write_in(tx, partial(insert.insert, jobs=jobs), now) if jobs else []

    def finish(
        self,
        outcomes: Sequence[Outcome],
        *,
        tx: sqlite3.Connection | None = None,
        now: datetime | None = None,
    ) -> builtins.list[Finished]:
        """As in `Driver`."""
        make = partial(finish.finish, outcomes=outcomes)
        return self._write_in(tx, make, now) if outcomes else []

    def act(
        self, ids: Sequence[UUID], action: Action, *, now: datetime | None = None
    ) -> builtins.list[Acted]:
        """As in `Driver`."""
        check_action(action)
        return self._write(Work(partial(act.act, ids=ids, action=action), now))

    def get(
        self, ids: Sequence[UUID], *, now: datetime | None = None
    ) -> builtins.list[JobRow | None]:
        """As in `Driver`."""
        return self._read(Work(partial(query.get, ids=ids), now))

    def list(
        self,
        where: Filter,
        *,
        cursor: str | None = None,
        limit: int = 100,
        now: datetime | None = None,
    ) -> Page:
        """As in `Driver`."""
        make = partial(query.page, where=where, cursor=cursor, limit=limit)
        return self._read(Work(make, now))

    def stats(
        self, queues: Sequence[str] = (), *, now: datetime | None = None
    ) -> builtins.list[Count]:
        """As in `Driver`."""
        return self._read(Work(partial(query.stats, queues=queues), now))

    def sessions(self, *, now: datetime | None = None) -> builtins.list[Session]:
        """As in `Driver`."""
        return self._read(Work(upkeep.sessions, now))

    def queues(
        self, change: QueueChange | None = None, *, now: datetime | None = None
    ) -> builtins.list[Queue]:
        """As in `Driver`."""
        work = Work(partial(query.queues, change=change), now)
        return self._read(work) if change is None else self._write(work)

    def prune(self, limit: int, *, now: datetime | None = None) -> Progress:
        """As in `Driver`."""
        make, idle = partial(upkeep.prune, limit=limit), partial(upkeep.none_expired, limit=limit)
        return self._write(Work(make, now, idle))

    def migrate(self) -> builtins.list[Step]:
        """As in `Driver`."""
        return self._write(Work(migrate.migrate, migrates=True))

    def close(self) -> None:
        """As in `Driver`."""
        with self._lock:
            self._link.close()
            self._place.close()

    def __enter__(self) -> Self:
        """Open the file; raises `StoreUnusable`, `Unavailable`, `SchemaMismatch`."""
        self._place.open()
        try:
            self._link.open()
        except BaseException:
            self._place.close()
            raise
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        """Close."""
        self.close()

    def _write_in(
        self,
        tx: sqlite3.Connection | None,
        make: Callable[[Env], Op[R]],
        now: datetime | None,
    ) -> R:
        if tx is None:
            return self._write(Work(make, now))
        return self._borrower.run(tx, make, now)

    def _write(self, work: Work[R]) -> R:
        with self._lock:
            self._link.write([work])
        return work.answer()

    def _read(self, work: Work[R]) -> R:
        with self._lock:
            self._link.read([work])
        return work.answer()
