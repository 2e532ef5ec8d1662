"""The driver for code without an event loop: threads share its few connections; it has none."""

from __future__ import annotations

import builtins
import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from functools import partial
from types import TracebackType
from typing import Any, Self, TypeVar
from uuid import UUID

import psycopg
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
from goncordia.errors import Unavailable
from goncordia.jobs import JobRow, NewJob, Outcome
from goncordia.retention import Retention
from goncordia.sessions import Session
from goncordia.statements import Op
from psycopg.errors import UniqueViolation
from psycopg.waiting import wait

from goncordia_postgres import act, copying, finish, insert, migrate, query, upkeep
from goncordia_postgres.borrow import SyncBorrower
from goncordia_postgres.dial import Dialled, dial
from goncordia_postgres.env import Env
from goncordia_postgres.link import Link
from goncordia_postgres.patience import patient_here
from goncordia_postgres.perform import alone, together
from goncordia_postgres.place import CONNECTIONS, Place
from goncordia_postgres.pools import Pool, address
from goncordia_postgres.promises import Promises
from goncordia_postgres.sieve import may_wait, sifted_here
from goncordia_postgres.statements import SCHEMA
from goncordia_postgres.translate import translate

R = TypeVar("R")


class SyncPostgresDriver(Promises):
    """A `SyncDriver[psycopg.Connection]`; the arguments are those of `PostgresDriver`."""

    def __init__(
        self,
        database: str | Pool,
        *,
        schema: str = SCHEMA,
        connections: int = CONNECTIONS,
        prepare: bool = True,
        notify: bool = True,
        retention: Retention | None = None,
    ) -> None:
        """Note where the database is; it is connected to when needed."""
        self._place = Place(
            address(database),
            schema=schema,
            retention=retention,
            prepares=prepare,
            notifies=notify,
        )
        self._promise(listens=notify)
        self._borrower = SyncBorrower(self._place)
        self._room = threading.BoundedSemaphore(connections)
        self._lock = threading.Lock()
        self._idle: builtins.list[Dialled] = []
        self._open = False
        self._checked = False

    @property
    def handles(self) -> tuple[type, ...]:
        """The caller's own connection."""
        return (psycopg.Connection,)

    def insert(
        self,
        jobs: Sequence[NewJob],
        *,
        tx: psycopg.Connection[Any] | None = None,
        now: datetime | None = None,
    ) -> builtins.list[Inserted]:
        """As in `Driver`."""
        if not jobs:
            return []
        if tx is None and now is None and copying.fits(jobs):
            with suppress(UniqueViolation):  # an id is known: nothing is written
                return self._run(partial(copying.copy, jobs=jobs), None)
        insert.check(jobs)
        make = partial(insert.insert, jobs=jobs)
        return self._write_in(tx, make, now, atomic=not insert.is_one_step(jobs))

    def finish(
        self,
        outcomes: Sequence[Outcome],
        *,
        tx: psycopg.Connection[Any] | None = None,
        now: datetime | None = None,
    ) -> builtins.list[Finished]:
        """As in `Driver`."""
        if not outcomes:
            return []
        finish.check(outcomes)

        def write(told: Sequence[Outcome]) -> builtins.list[Finished]:
            make = partial(finish.finish, outcomes=told)
            return self._write_in(tx, make, now, atomic=not finish.is_one_step(told))

        def ask(told: Sequence[Outcome]) -> builtins.list[Finished]:
            return patient_here(told, Finished.BUSY, write)

        if tx is None and may_wait(outcomes) and finish.are_distinct(outcomes):
            return sifted_here(outcomes, ask)
        return ask(outcomes)

    def act(
        self, ids: Sequence[UUID], action: Action, *, now: datetime | None = None
    ) -> builtins.list[Acted]:
        """As in `Driver`."""
        check_action(action)

        def ask(jobs: Sequence[UUID]) -> builtins.list[Acted]:
            return self._run(partial(act.act, ids=jobs, action=action), now, atomic=True)

        return patient_here(ids, Acted.BUSY, ask)

    def get(
        self, ids: Sequence[UUID], *, now: datetime | None = None
    ) -> builtins.list[JobRow | None]:
        """As in `Driver`."""
        return self._run(partial(query.get, ids=ids), now)

    def list(
        self,
        where: Filter,
        *,
        cursor: str | None = None,
        limit: int = 100,
        now: datetime | None = None,
    ) -> Page:
        """As in `Driver`."""
        return self._run(partial(query.page, where=where, cursor=cursor, limit=limit), now)

    def stats(
        self, queues: Sequence[str] = (), *, now: datetime | None = None
    ) -> builtins.list[Count]:
        """As in `Driver`."""
        return self._run(partial(query.stats, queues=queues), now)

    def sessions(self, *, now: datetime | None = None) -> builtins.list[Session]:
        """As in `Driver`."""
        return self._run(upkeep.sessions, now)

    def queues(
        self, change: QueueChange | None = None, *, now: datetime | None = None
    ) -> builtins.list[Queue]:
        """As in `Driver`."""
        return self._run(partial(query.queues, change=change), now)

    def prune(self, limit: int, *, now: datetime | None = None) -> Progress:
        """As in `Driver`."""
        return self._run(partial(upkeep.prune, limit=limit), now)

    def migrate(self) -> builtins.list[Step]:
        """As in `Driver`."""
        return self._perform(lambda env: migrate.migrate(self._place.schema), None, atomic=True)

    def close(self) -> None:
        """As in `Driver`."""
        with self._lock:
            self._open = False
            self._drop_idle()

    def __enter__(self) -> Self:
        """Be ready; the first operation connects."""
        self._open = True
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
        tx: psycopg.Connection[Any] | None,
        make: Callable[[Env], Op[R]],
        now: datetime | None,
        *,
        atomic: bool,
    ) -> R:
        if tx is None:
            return self._run(make, now, atomic=atomic)
        if not self._checked:
            self._check()
        return self._borrower.run(tx, make, now)

    def _run(
        self, make: Callable[[Env], Op[R]], now: datetime | None, *, atomic: bool = False
    ) -> R:
        if not self._checked:
            self._check()
        return self._perform(make, now, atomic=atomic)

    def _check(self) -> None:
        place = str(self._place)
        self._borrower.home = self._perform(lambda env: migrate.check(place), None)
        self._checked = True

    def _perform(
        self, make: Callable[[Env], Op[R]], now: datetime | None, *, atomic: bool = False
    ) -> R:
        env = self._place.env(now)
        shell = together if atomic else alone
        with self._lease() as link:
            try:
                return wait(shell(link, env, make(env)), link.pgconn.socket)
            except psycopg.Error as error:
                translated = translate(error, str(self._place))
                if translated is error:
                    raise
                raise translated from error

    @contextmanager
    def _lease(self) -> Generator[Link]:
        """A link for one operation."""
        with self._room:
            with self._lock:
                if not self._open:
                    raise Unavailable(f"{self._place}: the driver is closed: `with` opens it")
                dialled = self._idle.pop() if self._idle else None
            dialled = dialled or dial(self._place)
            try:
                yield dialled.link
            finally:
                self._take_back(dialled)

    def _take_back(self, dialled: Dialled) -> None:
        with self._lock:
            if dialled.usable and self._open:
                self._idle.append(dialled)
                return
            dialled.close()
            self._drop_idle()  # the others went the same way, most likely

    def _drop_idle(self) -> None:
        while self._idle:
            self._idle.pop().close()
