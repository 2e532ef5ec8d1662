"""The store: every operation, synchronous, under one lock. Threads and event loops may share it."""

from __future__ import annotations

import builtins
import sys
import threading
from collections.abc import Collection, Generator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from uuid import UUID

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
)
from goncordia.capabilities import Capabilities
from goncordia.clock import utc_now
from goncordia.errors import CapabilityMissing
from goncordia.ids import uuid7, uuid7_of
from goncordia.jobs import JobRow, NewJob, Outcome
from goncordia.memory import read, upkeep
from goncordia.memory.act import act
from goncordia.memory.claim import claim as take
from goncordia.memory.listen import Listener, Silence
from goncordia.memory.moment import Moment
from goncordia.memory.session import Lease
from goncordia.memory.table import Table
from goncordia.memory.transact import finish_jobs, insert_jobs
from goncordia.memory.tx import Tx
from goncordia.memory.values import compare_and_set
from goncordia.memory.writes import Writes
from goncordia.retention import Retention
from goncordia.sessions import Beat, Claim, Claims, Session, Wakeups, WorkerInfo

STRONG = Capabilities(
    tx_insert="immediate",
    tx_finish="immediate",
    tx_unique=True,
    follow_up=True,
    exclusive_claim="strict",
    unique=True,
    order="strict",
    claim_sees="immediate",
    clock="store",
    wake="push",
    pause_lag=timedelta(0),
    counts="exact",
    atomic_insert=sys.maxsize,
)
"""All that memory can promise; weaken it with `dataclasses.replace(STRONG, ...)`."""

LAG = 3
"""With `claim_sees="eventual"`: so many claims pass before one sees an insert."""


class Store:
    """Jobs in memory, with the promises of `capabilities` and no others."""

    def __init__(
        self, capabilities: Capabilities = STRONG, retention: Retention | None = None
    ) -> None:
        self.capabilities = capabilities
        # reentrant: an abandoned transaction may be rolled back by the collector at any point
        self._lock = threading.RLock()
        self._table = Table(capabilities, retention or Retention(), LAG)

    @property
    def handles(self) -> tuple[type, ...]:
        """As in `Driver`."""
        promised = self.capabilities
        return () if promised.tx_insert == promised.tx_finish == "none" else (Tx,)

    @contextmanager
    def begin(self) -> Generator[Tx]:
        """A transaction: commit on a clean exit, roll back on an exception.

        The commit raises `TransactionConflict`, and rolls back, where staged work can't stand.
        """
        tx = Tx(self._table)
        try:
            yield tx
            with self._lock:
                tx.commit()
        finally:
            with self._lock:
                tx.rollback()

    def settle(self, now: datetime | None = None) -> None:
        """With `claim_sees="eventual"`: let claims see all inserts from now on."""
        with self._lock:
            self._table.surface(self._moment(now).micros, settle=True)

    def new_id(self, at: datetime | None = None, seed: bytes | None = None) -> UUID:
        """As in `Driver`."""
        if seed is None:
            return uuid7()
        return uuid7_of(utc_now() if at is None else at, seed)

    def insert(
        self, jobs: Sequence[NewJob], tx: Tx | None = None, now: datetime | None = None
    ) -> builtins.list[Inserted]:
        """As in `Driver`."""
        with self._lock:
            return insert_jobs(self._table, self.capabilities, jobs, tx, self._moment(now))

    def join(self, worker: WorkerInfo, ttl: timedelta, now: datetime | None = None) -> Session:
        """As in `Driver`."""
        with self._lock:
            lease = Lease(uuid7(), worker, ttl, self._moment(now).at)
            self._table.leases[lease.id] = lease
            return lease.shown()

    def beat(self, session: UUID, tokens: Collection[UUID], now: datetime | None = None) -> Beat:
        """As in `Driver`."""
        with self._lock:
            return upkeep.beat(self._table, session, tokens, self._moment(now))

    def leave(self, session: UUID) -> None:
        """As in `Driver`."""
        with self._lock:
            upkeep.leave(self._table, session)

    def sessions(self) -> builtins.list[Session]:
        """As in `Driver`."""
        with self._lock:
            return read.sessions(self._table)

    def claim(self, claim: Claim, now: datetime | None = None) -> Claims:
        """As in `Driver`."""
        with self._lock:
            return take(self._table, claim, self._moment(now))

    def finish(
        self, outcomes: Sequence[Outcome], tx: Tx | None = None, now: datetime | None = None
    ) -> builtins.list[Finished]:
        """As in `Driver`."""
        with self._lock:
            return finish_jobs(self._table, self.capabilities, outcomes, tx, self._moment(now))

    def rescue(
        self, limit: int, observed: timedelta | None = None, now: datetime | None = None
    ) -> Progress:
        """As in `Driver`."""
        with self._lock:
            return upkeep.rescue(self._table, limit, observed, self._moment(now))

    def prune(self, limit: int, now: datetime | None = None) -> Progress:
        """As in `Driver`."""
        with self._lock:
            return upkeep.prune(self._table, limit, self._moment(now))

    def act(
        self, ids: Sequence[UUID], action: Action, now: datetime | None = None
    ) -> builtins.list[Acted]:
        """As in `Driver`."""
        check_action(action)
        with self._lock:
            moment = self._moment(now)
            writes = Writes(self._table)
            answers = [act(writes, wanted.int, action, moment) for wanted in ids]
            writes.apply(moment)
            return answers

    def get(self, ids: Sequence[UUID], now: datetime | None = None) -> builtins.list[JobRow | None]:
        """As in `Driver`."""
        with self._lock:
            return read.get(self._table, ids, self._moment(now))

    def list(
        self,
        where: Filter,
        cursor: str | None = None,
        limit: int = 100,
        now: datetime | None = None,
    ) -> Page:
        """As in `Driver`."""
        with self._lock:
            return read.page(self._table, where, cursor, limit, self._moment(now))

    def stats(
        self, queues: Sequence[str] = (), now: datetime | None = None
    ) -> builtins.list[Count]:
        """As in `Driver`; raises `CapabilityMissing` where counts are absent."""
        how = self.capabilities.counts
        if how == "absent":
            raise CapabilityMissing("counts", "stats: this store was told not to count")
        with self._lock:
            return read.stats(self._table, queues, how, self._moment(now))

    def kinds(self, limit: int = 100) -> builtins.list[str]:
        """As in `Driver`."""
        with self._lock:
            return read.kinds(self._table, limit)

    def queues(
        self, change: QueueChange | None = None, now: datetime | None = None
    ) -> builtins.list[Queue]:
        """As in `Driver`."""
        with self._lock:
            return read.queues(self._table, change, self._moment(now))

    def compare_and_set(
        self,
        key: str,
        expected: bytes | None,
        value: bytes | None,
        ttl: timedelta | None = None,
        now: datetime | None = None,
    ) -> Cas:
        """As in `Driver`."""
        with self._lock:
            return compare_and_set(self._table, key, expected, value, ttl, self._moment(now))

    @contextmanager
    def listen(self, queues: Collection[str]) -> Generator[Wakeups]:
        """As in `Driver`; called on the event loop that is to be woken."""
        if self.capabilities.wake == "poll":
            yield Silence()
            return
        listener = Listener(self._lock)
        names = frozenset(queues)
        with self._lock:
            self._table.listeners.add(listener, names)
        try:
            yield listener
        finally:
            with self._lock:
                self._table.listeners.remove(listener, names)

    def _moment(self, now: datetime | None) -> Moment:
        return Moment(now, self._table.retention)
