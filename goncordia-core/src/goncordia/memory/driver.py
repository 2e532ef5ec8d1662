"""The memory driver for code on an event loop: one checkpoint, then the store.

The checkpoint comes first: an operation that is cancelled has done nothing.
"""

from __future__ import annotations

import builtins
from collections.abc import AsyncGenerator, Collection, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from types import TracebackType
from typing import Self
from uuid import UUID

from anyio.lowlevel import checkpoint

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
from goncordia.capabilities import Capabilities, Habits
from goncordia.jobs import JobRow, NewJob, Outcome
from goncordia.memory.store import STRONG, Store
from goncordia.memory.sync import SyncMemoryDriver
from goncordia.memory.tx import Tx
from goncordia.retention import Retention
from goncordia.sessions import Beat, Claim, Claims, Session, Wakeups, WorkerInfo


class MemoryDriver:
    """A `Driver[memory.Tx]` over jobs in memory; they are gone with it.

    `capabilities` make it play a weaker store: what they don't promise is refused, or not kept.
    """

    def __init__(
        self, *, capabilities: Capabilities = STRONG, retention: Retention | None = None
    ) -> None:
        """`retention` says how long ended jobs are kept."""
        self._store = Store(capabilities, retention)

    @property
    def name(self) -> str:
        """As in `Driver`."""
        return "memory"

    @property
    def store(self) -> Store:
        """The jobs; a `SyncMemoryDriver` may share them."""
        return self._store

    @property
    def capabilities(self) -> Capabilities:
        """As in `Driver`."""
        return self._store.capabilities

    @property
    def habits(self) -> Habits:
        """As in `Driver`."""
        return Habits()

    @property
    def handles(self) -> tuple[type, ...]:
        """As in `Driver`."""
        return self._store.handles

    def new_id(
        self, kind: str, queue: str, *, at: datetime | None = None, seed: bytes | None = None
    ) -> UUID:
        """As in `Driver`."""
        return self._store.new_id(at, seed)

    def sync(self) -> SyncMemoryDriver:
        """The same jobs for code without an event loop."""
        return SyncMemoryDriver(self._store)

    @asynccontextmanager
    async def begin(self) -> AsyncGenerator[Tx]:
        """A transaction; a clean exit commits, an exception or a cancellation rolls back.

        The commit raises `TransactionConflict` where staged work no longer stands.
        """
        with self._store.begin() as tx:
            yield tx
            await checkpoint()

    async def insert(
        self, jobs: Sequence[NewJob], *, tx: Tx | None = None, now: datetime | None = None
    ) -> builtins.list[Inserted]:
        """As in `Driver`."""
        await checkpoint()
        return self._store.insert(jobs, tx=tx, now=now)

    async def join(
        self, worker: WorkerInfo, ttl: timedelta, *, now: datetime | None = None
    ) -> Session:
        """As in `Driver`."""
        await checkpoint()
        return self._store.join(worker, ttl, now=now)

    async def beat(
        self, session: UUID, tokens: Collection[UUID], *, now: datetime | None = None
    ) -> Beat:
        """As in `Driver`."""
        await checkpoint()
        return self._store.beat(session, tokens, now=now)

    async def leave(self, session: UUID, *, now: datetime | None = None) -> None:
        """As in `Driver`."""
        await checkpoint()
        return self._store.leave(session)

    async def sessions(self, *, now: datetime | None = None) -> builtins.list[Session]:
        """As in `Driver`."""
        await checkpoint()
        return self._store.sessions()

    async def claim(self, claim: Claim, *, now: datetime | None = None) -> Claims:
        """As in `Driver`."""
        await checkpoint()
        return self._store.claim(claim, now=now)

    async def finish(
        self, outcomes: Sequence[Outcome], *, tx: Tx | None = None, now: datetime | None = None
    ) -> builtins.list[Finished]:
        """As in `Driver`."""
        await checkpoint()
        return self._store.finish(outcomes, tx=tx, now=now)

    async def rescue(
        self, limit: int, *, observed: timedelta | None = None, now: datetime | None = None
    ) -> Progress:
        """As in `Driver`."""
        await checkpoint()
        return self._store.rescue(limit, observed=observed, now=now)

    async def prune(self, limit: int, *, now: datetime | None = None) -> Progress:
        """As in `Driver`."""
        await checkpoint()
        return self._store.prune(limit, now=now)

    async def act(
        self, ids: Sequence[UUID], action: Action, *, now: datetime | None = None
    ) -> builtins.list[Acted]:
        """As in `Driver`."""
        await checkpoint()
        return self._store.act(ids, action, now=now)

    async def get(
        self, ids: Sequence[UUID], *, now: datetime | None = None
    ) -> builtins.list[JobRow | None]:
        """As in `Driver`."""
        await checkpoint()
        return self._store.get(ids, now=now)

    async def list(
        self,
        where: Filter,
        *,
        cursor: str | None = None,
        limit: int = 100,
        now: datetime | None = None,
    ) -> Page:
        """As in `Driver`."""
        await checkpoint()
        return self._store.list(where, cursor=cursor, limit=limit, now=now)

    async def stats(
        self, queues: Sequence[str] = (), *, now: datetime | None = None
    ) -> builtins.list[Count]:
        """As in `Driver`."""
        await checkpoint()
        return self._store.stats(queues, now=now)

    async def kinds(self, limit: int = 100) -> builtins.list[str]:
        """As in `Driver`."""
        await checkpoint()
        return self._store.kinds(limit)

    async def queues(
        self, change: QueueChange | None = None, *, now: datetime | None = None
    ) -> builtins.list[Queue]:
        """As in `Driver`."""
        await checkpoint()
        return self._store.queues(change, now=now)

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
        await checkpoint()
        return self._store.compare_and_set(key, expected, value, ttl=ttl, now=now)

    @asynccontextmanager
    async def listen(self, queues: Collection[str]) -> AsyncGenerator[Wakeups]:
        """As in `Driver`."""
        with self._store.listen(queues) as wakeups:
            yield wakeups

    async def migrate(self) -> builtins.list[Step]:
        """As in `Driver`: there is nothing to migrate."""
        await checkpoint()
        return []

    async def close(self) -> None:
        """As in `Driver`: the jobs stay, for who shares the store."""
        await checkpoint()

    async def __aenter__(self) -> Self:
        """Open."""
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        """Close; no checkpoint, which would mask what is being raised."""
