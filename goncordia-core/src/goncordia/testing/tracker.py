"""What tests ask of a store: which jobs are there, and to run them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from typing import Generic, Never, TypeVar, Unpack

import anyio

from goncordia.answers import Filter
from goncordia.args import Args, kind_of
from goncordia.client import Client
from goncordia.clock import Clock
from goncordia.driver import Driver, SyncDriver
from goncordia.errors import InvalidArgument
from goncordia.jobs import JobRow
from goncordia.pool import WorkerPool
from goncordia.pool.settings import PoolOptions
from goncordia.registry import Registry
from goncordia.requests import Op
from goncordia.sync_client import SyncClient
from goncordia.testing.clock import MockClock
from goncordia.testing.drain import Drained, drain
from goncordia.testing.enqueued import EnqueuedJob, Predicate, complaint, select, typed
from goncordia.testing.look import Notes, look
from goncordia.testing.rest import Rest

A = TypeVar("A", bound=Args)
Tx = TypeVar("Tx")


class _Sight:
    """What both trackers know of the jobs in a store."""

    def __init__(self, store: Driver[Never] | SyncDriver[Never], clock: Clock) -> None:
        self.clock = clock
        """The time of the clients, the store and the pools."""
        self._notes = Notes()
        self._asks = store.capabilities.tx_finish != "none"

    @property
    def _mock(self) -> MockClock:
        if isinstance(self.clock, MockClock):
            return self.clock
        raise InvalidArgument(
            f"advance: the tracker's clock is a {type(self.clock).__name__}, which goes by itself; "
            "make the tracker without clock="
        )

    def _look(self, tx: object, *kinds: str) -> Op[list[JobRow]]:
        noted = [] if tx is None else self._notes.within(tx)
        return look(Filter(kinds=kinds), noted, tx, self.clock, asks=self._asks)

    def _complaint(
        self,
        kind: type[A],
        n: int,
        found: Sequence[EnqueuedJob[A]],
        where: Predicate[A] | None,
        rows: Sequence[JobRow],
        tx: object,
    ) -> AssertionError:
        there = {row.id for row in rows}
        noted = [] if tx is not None else self._notes.of(kind_of(kind))
        unseen = sum(job.id not in there for job in noted)
        return AssertionError(complaint(kind, n, found, where, rows, unseen))


class Tracker(_Sight, Generic[Tx]):
    """A store for tests of code on an event loop, with a clock that stands still.

    Hand `client` to the code under test, then ask which jobs it enqueued, and run them. Wrap any
    driver that is open: one in memory needs no opening. It works on one event loop at a time.
    """

    def __init__(self, driver: Driver[Tx], *, clock: Clock | None = None) -> None:
        """Round that driver, with a `MockClock` unless told otherwise.

        Where the code under test enqueues with a client of its own, whose time is real, say
        `clock=SystemClock()`: by a clock that stands still what it schedules is due far ahead.
        """
        self._rest = Rest(driver)
        super().__init__(driver, clock or MockClock(quiet=self.settled))
        self.driver = self._rest.driver
        """The driver, with its calls counted: for pools of one's own."""
        self.client: Client[Tx] = Client(
            self.driver, clock=self.clock, enqueuing=[self._notes.layer]
        )
        """Enqueues to the store."""

    async def jobs(
        self, kind: type[A], *, where: Predicate[A] | None = None, tx: Tx | None = None
    ) -> list[EnqueuedJob[A]]:
        """The jobs of a kind, in whatever state, in the order of their ids.

        `where` picks some. `tx` shows what that open transaction would leave if it committed, as
        far as the tracker's client enqueued it. Raises `ArgsDecodeError` for a job whose args don't
        fit the class.
        """
        return select(typed(kind, await self.client.run(self._look(tx, kind_of(kind)))), where)

    async def require_enqueued(
        self,
        kind: type[A],
        n: int = 1,
        *,
        where: Predicate[A] | None = None,
        tx: Tx | None = None,
    ) -> list[EnqueuedJob[A]]:
        """Exactly `n` such `jobs`, or `AssertionError`, which says what is queued instead."""
        __tracebackhide__ = True
        found = await self.jobs(kind, where=where, tx=tx)
        if len(found) != n:
            rows = await self.client.run(self._look(tx))
            raise self._complaint(kind, n, found, where, rows, tx)
        return found

    async def require_none(
        self, kind: type[A], *, where: Predicate[A] | None = None, tx: Tx | None = None
    ) -> None:
        """No such job, or `AssertionError`."""
        __tracebackhide__ = True
        await self.require_enqueued(kind, 0, where=where, tx=tx)

    @asynccontextmanager
    async def pool(
        self, registry: Registry, **options: Unpack[PoolOptions]
    ) -> AsyncGenerator[WorkerPool]:
        """A `worker_pool` on this store and clock, for which `advance` and `settled` wait."""
        options.setdefault("clock", self.clock)
        async with self._rest.pool(registry, options) as pool:
            yield pool

    async def settled(self) -> None:
        """Return when all that can happen at this time has happened: the barrier.

        No call is on its way to the store, every pool of this tracker has started what is due and
        written what ended, each handler waits for something, and plain functions in threads have
        returned.
        """
        await self._rest.settled()

    async def advance(self, span: timedelta | float) -> None:
        """Move the clock, and let the pools run on the way what falls due: at its time, exactly.

        `span` is a timedelta or seconds. Raises `InvalidArgument` for a clock that can't be moved.
        """
        await self.settled()
        await self._mock.advance(span)
        await self.settled()

    async def drain(
        self, registry: Registry, *, keep_errors: bool = False, **options: Unpack[PoolOptions]
    ) -> Drained:
        """Run what is due, in all queues, until nothing is: what follows from it, too.

        Jobs that wait for a later time stay. What handlers raise is raised when all have ended, in
        a group if it is more than one, save verdicts such as `Snooze`; `keep_errors` leaves it in
        the answer. Raises `AssertionError` after a thousand runs: handlers that enqueue each other.
        """
        __tracebackhide__ = True
        options.setdefault("clock", self.clock)
        return await drain(self.driver, registry, options, keep_errors=keep_errors)


class SyncTracker(_Sight, Generic[Tx]):
    """As `Tracker`, for tests and code without an event loop."""

    def __init__(
        self,
        driver: SyncDriver[Tx],
        *,
        runs: Callable[[], Driver[Never]] | None = None,
        clock: Clock | None = None,
    ) -> None:
        """As `Tracker`. `runs` makes a driver of the same store to run jobs on, not opened."""
        super().__init__(driver, clock or MockClock())
        self._runs = runs
        self.driver = driver
        """The driver."""
        self.client: SyncClient[Tx] = SyncClient(
            driver, clock=self.clock, enqueuing=[self._notes.layer]
        )
        """Enqueues to the store."""

    def jobs(
        self, kind: type[A], *, where: Predicate[A] | None = None, tx: Tx | None = None
    ) -> list[EnqueuedJob[A]]:
        """As `Tracker.jobs`."""
        return select(typed(kind, self.client.run(self._look(tx, kind_of(kind)))), where)

    def require_enqueued(
        self,
        kind: type[A],
        n: int = 1,
        *,
        where: Predicate[A] | None = None,
        tx: Tx | None = None,
    ) -> list[EnqueuedJob[A]]:
        """As `Tracker.require_enqueued`."""
        __tracebackhide__ = True
        found = self.jobs(kind, where=where, tx=tx)
        if len(found) != n:
            rows = self.client.run(self._look(tx))
            raise self._complaint(kind, n, found, where, rows, tx)
        return found

    def require_none(
        self, kind: type[A], *, where: Predicate[A] | None = None, tx: Tx | None = None
    ) -> None:
        """As `Tracker.require_none`."""
        __tracebackhide__ = True
        self.require_enqueued(kind, 0, where=where, tx=tx)

    def advance(self, span: timedelta | float) -> None:
        """Move the clock; no pool runs meanwhile, so `drain` afterwards."""
        anyio.run(self._mock.advance, span)

    def drain(
        self, registry: Registry, *, keep_errors: bool = False, **options: Unpack[PoolOptions]
    ) -> Drained:
        """As `Tracker.drain`, on an event loop that lives as long.

        Raises `InvalidArgument` for a tracker that was made without `runs`.
        """
        __tracebackhide__ = True
        options.setdefault("clock", self.clock)
        return anyio.run(partial(self._drain, registry, options, keep_errors=keep_errors))

    async def _drain(
        self, registry: Registry, options: PoolOptions, *, keep_errors: bool
    ) -> Drained:
        __tracebackhide__ = True
        if self._runs is None:
            raise InvalidArgument(
                "this tracker can't run jobs: make it with runs=, as in SyncTracker("
                "SyncSqliteDriver(path), runs=lambda: SqliteDriver(path))"
            )
        async with self._runs() as driver:
            return await drain(driver, registry, options, keep_errors=keep_errors)
