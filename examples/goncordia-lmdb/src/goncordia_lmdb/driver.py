"""The driver: each operation is one transaction on a worker thread, or a part of the caller's."""

from __future__ import annotations

import builtins
from collections.abc import Collection, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from datetime import datetime, timedelta
from types import TracebackType
from typing import Self
from uuid import UUID

import lmdb
from goncordia.actions import Acted, Action
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
from goncordia.clock import utc_now
from goncordia.ids import uuid7, uuid7_of
from goncordia.jobs import JobRow, NewJob, Outcome
from goncordia.retention import Retention
from goncordia.sessions import Beat, Claim, Claims, Session, Wakeups, WorkerInfo

from goncordia_lmdb import act, finish, insert, query, schema, sessions, upkeep
from goncordia_lmdb import claim as claims
from goncordia_lmdb.io import Silence, Transactions
from goncordia_lmdb.promises import CAPABILITIES, HABITS
from goncordia_lmdb.store import Settings, Txn


class LmdbDriver:
    """A `Driver[lmdb.Transaction]` over a folder, which other processes may share.

    `map_size` is the most bytes that the folder may hold, `sync=False` trades the last commits at a
    loss of power for speed, `patience` is for how many seconds a write waits for another's
    transaction before it raises `Unavailable`. Drivers of one folder in one process share the
    settings of the first.
    """

    name = "lmdb"
    capabilities = CAPABILITIES
    habits = HABITS
    handles = (lmdb.Transaction,)

    def __init__(
        self,
        path: str,
        *,
        map_size: int = 1 << 34,
        sync: bool = True,
        patience: float = 5.0,
        retention: Retention | None = None,
    ) -> None:
        settings = Settings(map_size=map_size, sync=sync, patience=patience)
        self._on = Transactions(path, settings, retention or Retention())

    @property
    def environment(self) -> lmdb.Environment:
        """For databases of your own beside the jobs; write to them in `begin()` alone."""
        return self._on.opened.environment

    def begin(self) -> AbstractAsyncContextManager[Txn[bytes]]:
        """A transaction for your own records and jobs, on this thread: commits on a clean exit."""
        return self._on.begin()

    def new_id(
        self, kind: str, queue: str, *, at: datetime | None = None, seed: bytes | None = None
    ) -> UUID:
        """As in `Driver`, and so is what follows."""
        return uuid7() if seed is None else uuid7_of(at or utc_now(), seed)

    async def insert(
        self, jobs: Sequence[NewJob], *, tx: Txn[bytes] | None = None, now: datetime | None = None
    ) -> builtins.list[Inserted]:
        return await self._on.write(lambda table: insert.insert(table, jobs), now, tx)

    async def join(
        self, worker: WorkerInfo, ttl: timedelta, *, now: datetime | None = None
    ) -> Session:
        return await self._on.write(lambda table: sessions.join(table, worker, ttl), now)

    async def beat(
        self, session: UUID, tokens: Collection[UUID], *, now: datetime | None = None
    ) -> Beat:
        return await self._on.write(lambda table: sessions.beat(table, session, tokens), now)

    async def leave(self, session: UUID, *, now: datetime | None = None) -> None:
        return await self._on.write(lambda table: sessions.leave(table, session), now)

    async def sessions(self, *, now: datetime | None = None) -> builtins.list[Session]:
        return await self._on.read(lambda table: sessions.sessions(table), now)

    async def claim(self, claim: Claim, *, now: datetime | None = None) -> Claims:
        return await self._on.write(lambda table: claims.claim(table, claim), now)

    async def finish(
        self,
        outcomes: Sequence[Outcome],
        *,
        tx: Txn[bytes] | None = None,
        now: datetime | None = None,
    ) -> builtins.list[Finished]:
        return await self._on.write(lambda table: finish.finish(table, outcomes), now, tx)

    async def rescue(
        self, limit: int, *, observed: timedelta | None = None, now: datetime | None = None
    ) -> Progress:
        return await self._on.write(lambda table: upkeep.rescue(table, limit, observed), now)

    async def prune(self, limit: int, *, now: datetime | None = None) -> Progress:
        return await self._on.write(lambda table: upkeep.prune(table, limit), now)

    async def act(
        self, ids: Sequence[UUID], action: Action, *, now: datetime | None = None
    ) -> builtins.list[Acted]:
        return await self._on.write(lambda table: act.act(table, ids, action), now)

    async def get(
        self, ids: Sequence[UUID], *, now: datetime | None = None
    ) -> builtins.list[JobRow | None]:
        return await self._on.read(lambda table: query.get(table, ids), now)

    async def list(
        self,
        where: Filter,
        *,
        cursor: str | None = None,
        limit: int = 100,
        now: datetime | None = None,
    ) -> Page:
        return await self._on.read(lambda table: query.page(table, where, cursor, limit), now)

    async def stats(
        self, queues: Sequence[str] = (), *, now: datetime | None = None
    ) -> builtins.list[Count]:
        return await self._on.read(lambda table: query.stats(table, queues), now)

    async def kinds(self, limit: int = 100) -> builtins.list[str]:
        return await self._on.read(lambda table: query.kinds(table, limit))

    async def queues(
        self, change: QueueChange | None = None, *, now: datetime | None = None
    ) -> builtins.list[Queue]:
        run = self._on.read if change is None else self._on.write
        return await run(lambda table: query.queues(table, change), now)

    async def compare_and_set(
        self,
        key: str,
        expected: bytes | None,
        value: bytes | None,
        *,
        ttl: timedelta | None = None,
        now: datetime | None = None,
    ) -> Cas:
        return await self._on.write(
            lambda table: query.compare_and_set(table, key, expected, value, ttl), now
        )

    def listen(self, queues: Collection[str]) -> AbstractAsyncContextManager[Wakeups]:
        return nullcontext(Silence())

    async def migrate(self) -> builtins.list[Step]:
        return await self._on.write(schema.migrate)

    async def close(self) -> None:
        self._on.close()

    async def __aenter__(self) -> Self:
        await self._on.open()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        await self.close()
