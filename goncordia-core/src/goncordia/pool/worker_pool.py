"""The nursery: starts the pool's tasks, and ends them so that no job is left half-way."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from typing import Never, Unpack
from uuid import UUID

import anyio
from anyio import wait_all_tasks_blocked
from anyio.abc import TaskGroup

from goncordia.driver import Driver
from goncordia.errors import OutcomesUnwritten, Unavailable
from goncordia.handler import CancelReason
from goncordia.jobs import released
from goncordia.pool.fetcher import Fetcher
from goncordia.pool.finisher import Finisher
from goncordia.pool.keeper import Keeper
from goncordia.pool.lease import Lease
from goncordia.pool.listener import Listener
from goncordia.pool.runner import Runner, runnables
from goncordia.pool.settings import PoolOptions, Settings
from goncordia.pool.slots import Slots
from goncordia.pool.upkeep import Upkeep
from goncordia.registry import Registry
from goncordia.sessions import WorkerInfo

log = logging.getLogger("goncordia.pool")


class WorkerPool:
    """A pool that runs; made by `worker_pool`."""

    def __init__(self, driver: Driver[Never], registry: Registry, settings: Settings) -> None:
        """Not started."""
        clock = settings.clock
        backlog = max(2 * settings.concurrency, driver.habits.batch)
        worker = WorkerInfo(settings.name, settings.queues, registry.kinds, settings.concurrency)
        self._driver = driver
        self._settings = settings
        self._slots = Slots(clock, settings.concurrency, backlog)
        self._lease = Lease(clock, settings.session_ttl, settings.beat_every)
        self._fetcher = Fetcher(driver, settings, self._slots, self._lease)
        self._finisher = Finisher(driver, settings, self._slots)
        wake = self._fetcher.wake
        self._keeper = Keeper(driver, settings, self._slots, self._lease, worker, wake)
        self._listener = Listener(driver, settings, wake, self._slots.beat)
        self._upkeep = Upkeep(driver, settings, self._lease)
        limiter = anyio.CapacityLimiter(settings.concurrency)
        self._runnables = runnables(registry, tuple(settings.middleware), limiter)
        self._stopped_by: BaseException | None = None
        self._fetching = anyio.Event()

    # What its user may ask.

    @property
    def session(self) -> UUID | None:
        """The id of the pool's session with the store; None between two."""
        return self._lease.session

    @property
    def running(self) -> int:
        """How many handlers run now."""
        return len(self._slots.running)

    @property
    def leads(self) -> bool:
        """Whether this pool does the upkeep for all pools on the store."""
        return self._upkeep.leads

    async def idle(self) -> None:
        """Return when nothing is due in the pool's queues and nothing runs in it.

        Jobs that wait for a later time, a retry's too, are not waited for.
        """
        target = self._fetcher.rounds + 1
        while self._fetcher.calm_round < target:
            if not self._slots.busy:
                self._fetcher.wake.set()
            await self._slots.change()

    async def settled(self) -> None:
        """Return when the pool has done all that it can do at this time: for mock clocks.

        All that is due has been started as far as there are slots, every outcome is written, and
        each running handler waits for something.
        """
        slots, fetcher = self._slots, self._fetcher
        while True:
            await wait_all_tasks_blocked()
            target = fetcher.rounds + 1
            fetcher.wake.set()
            while fetcher.dry_round < target and slots.room():
                await slots.change()
            await wait_all_tasks_blocked()
            if not slots.unwritten and not slots.waiting:
                return
            await slots.change()

    # What `worker_pool` does with it.

    async def join(self) -> None:
        """Begin the session."""
        await self._keeper.join()

    def start(self, tasks: TaskGroup) -> None:
        """Start all tasks."""
        tasks.start_soon(self._tell_of_the_end, name="goncordia shutdown")
        for _ in range(self._settings.concurrency):
            tasks.start_soon(self._run_jobs, tasks, name="goncordia runner")
        tasks.start_soon(self._fetch, name="goncordia fetcher")
        tasks.start_soon(self._finisher.run, name="goncordia finisher")
        tasks.start_soon(self._keeper.run, name="goncordia keeper")
        tasks.start_soon(self._listener.run, name="goncordia listener")
        tasks.start_soon(self._upkeep.run, name="goncordia upkeep")

    async def _tell_of_the_end(self) -> None:
        """Give handlers the reason when the whole pool is cancelled."""
        try:
            await anyio.sleep_forever()
        finally:
            self._slots.stop(CancelReason.SHUTDOWN)

    async def _fetch(self) -> None:
        try:
            await self._fetcher.run()
        finally:
            self._fetching.set()

    async def _run_jobs(self, tasks: TaskGroup) -> None:
        def crash(error: BaseException) -> None:
            self._stopped_by = self._stopped_by or error
            tasks.cancel_scope.cancel()

        runner = Runner(self._driver, self._settings, self._slots, self._runnables, crash)
        await runner.run()
        log.warning("a handler damaged its runner, which is replaced")
        tasks.start_soon(self._run_jobs, tasks, name="goncordia runner")

    async def drain(self) -> None:
        """Stop claiming, let what runs end in time, stop the rest, and wait until all has ended."""
        slots = self._slots
        slots.closing = True
        slots.freed.set()
        self._fetcher.wake.set()
        with self._settings.clock.scope(self._settings.shutdown_timeout):
            await self._fetching.wait()
            await self._ended()
            return
        for job in slots.clear():
            slots.finished(released(job))
        slots.stop(CancelReason.SHUTDOWN)
        if slots.running:
            log.warning("shutdown: %d jobs were told to stop", len(slots.running))
        await self._ended()

    async def _ended(self) -> None:
        while self._slots.running or self._slots.waiting:
            await self._slots.change()

    async def flush(self) -> None:
        """Write what ended, give back what did not, leave; bounded by `flush_timeout`.

        Raises `OutcomesUnwritten` if the store did not take all.
        """
        settings, slots = self._settings, self._slots
        for job in slots.clear():
            slots.finished(released(job))
        with settings.clock.scope(settings.flush_timeout, shield=True):
            await self._insist_on_flush()
        lost = self._finisher.unwritten()
        if lost:
            raise OutcomesUnwritten([outcome.id for outcome in lost])

    async def _insist_on_flush(self) -> None:
        try:
            await self._fetcher.give_back()
            await self._finisher.flush()
            await self._upkeep.resign()
            session = self._lease.session
            if session is not None:
                await self._driver.leave(session, now=self._settings.clock.told())
        except Unavailable as error:
            log.warning("the store did not hear that this worker left: %s", error)

    def raise_stop(self) -> None:
        """Raise the `SystemExit` or `KeyboardInterrupt` that a handler raised."""
        if self._stopped_by is not None:
            raise self._stopped_by


@asynccontextmanager
async def worker_pool(
    driver: Driver[Never],
    registry: Registry,
    *,
    require: Iterable[str] = (),
    **options: Unpack[PoolOptions],
) -> AsyncGenerator[WorkerPool]:
    """Run jobs while the block runs: a nursery whose children are handlers.

    Leaving the block stops claiming, waits up to `shutdown_timeout` for running jobs, cancels and
    gives back those that go on, and writes all outcomes within `flush_timeout`. Cancelling the
    scope round it does the same without waiting. Plain functions run in threads, which nothing can
    interrupt: leaving waits for them. The `options` are those of `PoolOptions`; `require` names
    capabilities that the store must have.

    Raises `CapabilityMissing` or `InvalidArgument` before anything starts, `OutcomesUnwritten` if
    the store did not take all outcomes at the end. What a handler raises is its job's outcome and
    never ends the block, save `SystemExit` and `KeyboardInterrupt`.
    """
    driver.capabilities.require(require)
    pool = WorkerPool(driver, registry, Settings.of(driver, registry, options))
    await pool.join()
    try:
        async with anyio.create_task_group() as tasks:
            pool.start(tasks)
            yield pool
            await pool.drain()
            tasks.cancel_scope.cancel()
    except BaseExceptionGroup as group:
        if len(group.exceptions) == 1:  # the nursery is an inner matter: show what happened in it
            raise group.exceptions[0] from None
        raise
    finally:
        await pool.flush()
    pool.raise_stop()
