"""The memory driver for code without an event loop."""

from __future__ import annotations

import builtins
from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from types import TracebackType
from typing import Self
from uuid import UUID

from goncordia.actions import Acted, Action
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
from goncordia.capabilities import Capabilities, Habits
from goncordia.jobs import JobRow, NewJob, Outcome
from goncordia.memory.store import Store
from goncordia.memory.tx import Tx
from goncordia.sessions import Session


class SyncMemoryDriver:
    """A `SyncDriver[memory.Tx]`; safe on any thread, also beside a `MemoryDriver` of the store."""

    def __init__(self, store: Store | None = None) -> None:
        """Share a store, or make a strong one."""
        self._store = Store() if store is None else store

    @property
    def name(self) -> str:
        """As in `SyncDriver`."""
        return "memory"

    @property
    def store(self) -> Store:
        """The jobs; another driver may share them."""
        return self._store

    @property
    def capabilities(self) -> Capabilities:
        """As in `SyncDriver`."""
        return self._store.capabilities

    @property
    def habits(self) -> Habits:
        """As in `SyncDriver`."""
        return Habits()

    @property
    def handles(self) -> tuple[type, ...]:
        """As in `SyncDriver`."""
        return self._store.handles

    def new_id(
        self, kind: str, queue: str, *, at: datetime | None = None, seed: bytes | None = None
    ) -> UUID:
        """As in `SyncDriver`."""
        return self._store.new_id(at, seed)

    def begin(self) -> AbstractContextManager[Tx]:
        """A transaction; a clean exit commits, an exception rolls back.

        The commit raises `TransactionConflict` where staged work no longer stands.
        """
        return self._store.begin()

    def insert(
        self, jobs: Sequence[NewJob], *, tx: Tx | None = None, now: datetime | None = None
    ) -> builtins.list[Inserted]:
        """As in `SyncDriver`."""
        return self._store.insert(jobs, tx=tx, now=now)

    def finish(
        self, outcomes: Sequence[Outcome], *, tx: Tx | None = None, now: datetime | None = None
    ) -> builtins.list[Finished]:
        """As in `SyncDriver`."""
        return self._store.finish(outcomes, tx=tx, now=now)

    def act(
        self, ids: Sequence[UUID], action: Action, *, now: datetime | None = None
    ) -> builtins.list[Acted]:
        """As in `SyncDriver`."""
        return self._store.act(ids, action, now=now)

    def get(
        self, ids: Sequence[UUID], *, now: datetime | None = None
    ) -> builtins.list[JobRow | None]:
        """As in `SyncDriver`."""
        return self._store.get(ids, now=now)

    def list(
        self,
        where: Filter,
        *,
        cursor: str | None = None,
        limit: int = 100,
        now: datetime | None = None,
    ) -> Page:
        """As in `SyncDriver`."""
        return self._store.list(where, cursor=cursor, limit=limit, now=now)

    def stats(
        self, queues: Sequence[str] = (), *, now: datetime | None = None
    ) -> builtins.list[Count]:
        """As in `SyncDriver`."""
        return self._store.stats(queues, now=now)

    def sessions(self, *, now: datetime | None = None) -> builtins.list[Session]:
        """As in `SyncDriver`."""
        return self._store.sessions()

    def queues(
        self, change: QueueChange | None = None, *, now: datetime | None = None
    ) -> builtins.list[Queue]:
        """As in `SyncDriver`."""
        return self._store.queues(change, now=now)

    def prune(self, limit: int, *, now: datetime | None = None) -> Progress:
        """As in `SyncDriver`."""
        return self._store.prune(limit, now=now)

    def migrate(self) -> builtins.list[Step]:
        """As in `SyncDriver`: there is nothing to migrate."""
        return []

    def close(self) -> None:
        """As in `SyncDriver`: the jobs stay, for who shares the store."""

    def __enter__(self) -> Self:
        """Open."""
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        """Close."""
        self.close()
