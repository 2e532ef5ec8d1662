"""The driver for code on an event loop: writes in one lane, reads in the other."""

from __future__ import annotations

import builtins
import os
import sqlite3
from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from datetime import datetime, timedelta
from functools import partial
from types import TracebackType
from typing import Self, TypeVar
from uuid import UUID

from anyio.lowlevel import checkpoint_if_cancelled
from goncordia.actions import Acted, Action, check_action
from goncordia.answers import (
    Cas,
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
from goncordia.sessions import Beat, Claim, Claims, Session, Wakeups, WorkerInfo
from goncordia.statements import Op

from goncordia_sql.sqlite import act, finish, insert, migrate, query, upkeep
from goncordia_sql.sqlite import claim as claims
from goncordia_sql.sqlite.borrow import Borrower
from goncordia_sql.sqlite.env import Env
from goncordia_sql.sqlite.io import Lane
from goncordia_sql.sqlite.link import Link, Work
from goncordia_sql.sqlite.listen import Silence, listening
from goncordia_sql.sqlite.place import Place
from goncordia_sql.sqlite.post import SUPPORTED
from goncordia_sql.sqlite.promises import Promises

R = TypeVar("R")


class SqliteDriver(Promises):
    """A `Driver[sqlite3.Connection]` over a SQLite file, which other processes may share.

    `path` is the file, which `migrate` makes. `synchronous` is `FULL` (a committed job
    survives a loss of power), `NORMAL` (it survives a crash of the process) or `EXTRA`.
    `busy_timeout` is for how many seconds a write waits for another's transaction before it raises
    `Unavailable`; `retention` says how long ended jobs are kept.

    Raises `InvalidArgument` for what can't be so.
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
        writer, reader = Link(self._place), Link(self._place, reads_only=True)
        self._writes = Lane(writer, "goncordia-sqlite-writer", writer.write)
        self._reads = Lane(reader, "goncordia-sqlite-reader", reader.read)

    async def insert(
        self,
        jobs: Sequence[NewJob],
        *,
        tx: sqlite3.Connection | None = None,
        now: datetime | None = None,
    ) -> builtins.list[Inserted]:
        """As in `Driver`; with `tx`, on the calling thread."""
        if not jobs:
            return []
        make = partial(insert.insert, jobs=jobs)
        return await self._write_in(tx, make, now, len(jobs))

    async def join(
        self, worker: WorkerInfo, ttl: timedelta, *, now: datetime | None = None
    ) -> Session:
        """As in `Driver`."""
        return await self._write(partial(upkeep.join, worker=worker, ttl=ttl), now)

    async def beat(
        self, session: UUID, tokens: Collection[UUID], *, now: datetime | None = None
    ) -> Beat:
        """As in `Driver`."""
        return await self._write(partial(upkeep.beat, session=session, tokens=tokens), now)

    async def leave(self, session: UUID, *, now: datetime | None = None) -> None:
        """As in `Driver`."""
        return await self._write(partial(upkeep.leave, session=session), now)

    async def sessions(self, *, now: datetime | None = None) -> builtins.list[Session]:
        """As in `Driver`."""
        return await self._read(upkeep.sessions, now)

    async def claim(self, claim: Claim, *, now: datetime | None = None) -> Claims:
        """As in `Driver`."""
        make, idle = partial(claims.claim, claim=claim), partial(claims.idle, claim=claim)
        return await self._writes.call(Work(make, now, idle, weight=sum(claim.wants.values())))

    async def finish(
        self,
        outcomes: Sequence[Outcome],
        *,
        tx: sqlite3.Connection | None = None,
        now: datetime | None = None,
    ) -> builtins.list[Finished]:
        """As in `Driver`; with `tx`, on the calling thread."""
        if not outcomes:
            return []
        make = partial(finish.finish, outcomes=outcomes)
        return await self._write_in(tx, make, now, len(outcomes))

    async def rescue(
        self, limit: int, *, observed: timedelta | None = None, now: datetime | None = None
    ) -> Progress:
        """As in `Driver`."""
        make = partial(upkeep.rescue, limit=limit, observed=observed)
        idle = partial(upkeep.nobody_lost, limit=limit, observed=observed)
        return await self._writes.call(Work(make, now, idle, weight=limit))

    async def prune(self, limit: int, *, now: datetime | None = None) -> Progress:
        """As in `Driver`."""
        make = partial(upkeep.prune, limit=limit)
        idle = partial(upkeep.none_expired, limit=limit)
        return await self._writes.call(Work(make, now, idle, weight=limit))

    async def act(
        self, ids: Sequence[UUID], action: Action, *, now: datetime | None = None
    ) -> builtins.list[Acted]:
        """As in `Driver`."""
        check_action(action)
        return await self._write(partial(act.act, ids=ids, action=action), now)

    async def get(
        self, ids: Sequence[UUID], *, now: datetime | None = None
    ) -> builtins.list[JobRow | None]:
        """As in `Driver`."""
        return await self._read(partial(query.get, ids=ids), now)

    async def list(
        self,
        where: Filter,
        *,
        cursor: str | None = None,
        limit: int = 100,
        now: datetime | None = None,
    ) -> Page:
        """As in `Driver`."""
        return await self._read(partial(query.page, where=where, cursor=cursor, limit=limit), now)

    async def stats(
        self, queues: Sequence[str] = (), *, now: datetime | None = None
    ) -> builtins.list[Count]:
        """As in `Driver`."""
        return await self._read(partial(query.stats, queues=queues), now)

    async def kinds(self, limit: int = 100) -> builtins.list[str]:
        """As in `Driver`."""
        return await self._read(partial(query.kinds, limit=limit), None)

    async def queues(
        self, change: QueueChange | None = None, *, now: datetime | None = None
    ) -> builtins.list[Queue]:
        """As in `Driver`."""
        make = partial(query.queues, change=change)
        return await (self._read(make, now) if change is None else self._write(make, now))

    async def compare_and_set(
        self,
        key: str,
        expected: bytes | None,
        value: bytes | None,
        *,
        ttl: timedelta | None = None,
        now: datetime | None = None,
    ) -> Cas:
        """As in `Driver`."""
        make = partial(query.compare_and_set, key=key, expected=expected, value=value, ttl=ttl)
        return await self._write(make, now)

    def listen(self, queues: Collection[str]) -> AbstractAsyncContextManager[Wakeups]:
        """As in `Driver`."""
        if not SUPPORTED:
            return nullcontext(Silence())
        return listening(self._place.folder, queues, self._arrived)

    async def migrate(self) -> builtins.list[Step]:
        """As in `Driver`."""
        return await self._writes.call(Work(migrate.migrate, migrates=True))

    async def close(self) -> None:
        """As in `Driver`."""
        try:
            await self._writes.close()
        finally:
            await self._reads.close()
            self._place.close()

    async def __aenter__(self) -> Self:
        """Open the file; raises `StoreUnusable`, `Unavailable`, `SchemaMismatch`."""
        self._place.open()
        try:
            await self._writes.open()
            await self._reads.open()
        except BaseException:
            await self.close()
            raise
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        """Close."""
        await self.close()

    async def _arrived(self, ids: Collection[bytes]) -> builtins.list[UUID]:
        return await self._read(partial(query.arrived, ids=ids), None)

    async def _write_in(
        self,
        tx: sqlite3.Connection | None,
        make: Callable[[Env], Op[R]],
        now: datetime | None,
        weight: int,
    ) -> R:
        if tx is None:
            return await self._writes.call(Work(make, now, weight=weight))
        await checkpoint_if_cancelled()  # cancelled: nothing is done
        return self._borrower.run(tx, make, now)

    async def _write(self, make: Callable[[Env], Op[R]], now: datetime | None) -> R:
        return await self._writes.call(Work(make, now))

    async def _read(self, make: Callable[[Env], Op[R]], now: datetime | None) -> R:
        return await self._reads.call(Work(make, now))
