"""The nursery: starts the pool's tasks, and ends them so that no job is left half-way."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from functools import partial
from typing import Never, Unpack
from uuid import UUID

import anyio
from anyio.abc import TaskGroup
from anyio.lowlevel import checkpoint

from goncordia.clock import Clock
from goncordia.driver import Driver
from goncordia.errors import OutcomesUnwritten, PoolEnded, Unavailable
from goncordia.handler import CancelReason
from goncordia.pool.backoff import Backoff
from goncordia.pool.fetcher import Fetcher
from goncordia.pool.finisher import Finisher
from goncordia.pool.isolation import KILLED, cancelled_from_outside, unless_killed, until_cancelled
from goncordia.pool.keeper import Keeper
from goncordia.pool.lease import Lease
from goncordia.pool.limits import Limits
from goncordia.pool.listener import Listener
from goncordia.pool.runner import Runner, runnables
from goncordia.pool.settings import PoolOptions, Settings
from goncordia.pool.slots import Slots
from goncordia.pool.ticker import Ticker
from goncordia.pool.upkeep import Upkeep
from goncordia.pool.worst import outermost, raise_worst
from goncordia.registry import Registry
from goncordia.sessions import WorkerInfo
from goncordia.system_clock import SystemClock, all_blocked

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
        limits = Limits(clock, settings.rooms, settings.kind_limits)
        self._slots = Slots(clock, settings.concurrency, backlog, limits)
        self._lease = Lease(clock, settings.session_ttl, settings.beat_every)
        self._fetcher = Fetcher(driver, settings, self._slots, self._lease)
        self._finisher = Finisher(driver, settings, self._slots)
        wake = self._slots.wake
        self._keeper = Keeper(driver, settings, self._slots, self._lease, worker, wake)
        self._listener = Listener(driver, settings, wake, self._slots.beat)
        self._upkeep = Upkeep(driver, settings, self._lease)
        self._ticker = Ticker(driver, settings, lambda: self.leads)
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

        Jobs that wait for a later time, a retry's too, are not waited for, except those that this
        pool put off because their kind was at its limit. Raises `PoolEnded` once the pool's block
        is being left.
        """
        slots, fetcher = self._slots, self._fetcher
        target = fetcher.rounds + 1
        while fetcher.calm_round < target:
            if not (slots.busy or slots.limits.putting_off or fetcher.stalled):
                slots.wake.set()
            await self._change()

    async def settled(self) -> None:
        """Return when the pool has done all that it can do at this time: for mock clocks.

        All that is due has been started as far as there are slots, every outcome is written, and
        each running handler waits for something; or the store is away, and the pool waits before it
        asks again. Raises `PoolEnded` once the pool's block is being left.
        """
        slots, fetcher = self._slots, self._fetcher
        while True:
            await all_blocked()
            target, before = fetcher.rounds + 1, (slots.turns, slots.unwritten)
            while fetcher.dry_round < target and slots.room() and not fetcher.stalled:
                slots.wake.set()
                await self._change()
            await all_blocked()
            if before != (slots.turns, slots.unwritten):
                continue  # what was written meanwhile may be due, and that claim was too early
            if not slots.waiting and (self._finisher.stalled or not slots.unwritten):
                return
            await self._change()

    def stop(self) -> None:
        """Begin no more jobs; cancel those that run, and give them back: for a second Ctrl-C.

        Unlike a cancellation of the scope round it the pool lives on while its block is left, and
        holds the jobs of threads, which nothing interrupts.
        """
        self._slots.close()
        self._slots.stop(CancelReason.SHUTDOWN)

    async def _change(self) -> None:
        if self._slots.closing.is_set():
            if cancelled_from_outside():
                await anyio.sleep_forever()  # which says it better
            raise PoolEnded("the pool's block is being left: it comes to rest by itself")
        await self._slots.change()

    # What `worker_pool` does with it.

    async def join(self) -> None:
        """Begin the session."""
        await self._keeper.join()

    def start(self, tasks: TaskGroup) -> None:
        """Start all tasks."""

        def crash(error: BaseException) -> None:
            self._stopped_by = self._stopped_by or error
            self.stop()
            tasks.cancel_scope.cancel()

        passing_on = partial(until_cancelled, self.stop)
        tasks.start_soon(self._task, passing_on, name="goncordia shutdown")
        for _ in range(self._settings.concurrency):
            tasks.start_soon(self._task, partial(self._run_jobs, crash), name="goncordia runners")
        for name, run in {
            "fetcher": self._fetch,
            "finisher": self._finisher.run,
            "keeper": self._keep,
            "listener": self._listener.run,
            "upkeep": self._upkeep.run,
            **({"ticker": self._ticker.run} if self._settings.schedules else {}),
        }.items():
            tasks.start_soon(self._task, run, name=f"goncordia {name}")

    async def _task(self, run: Callable[[], Awaitable[None]]) -> None:
        await unless_killed(run())

    async def _fetch(self) -> None:
        try:
            await self._fetcher.run()
        finally:
            self._fetching.set()

    async def _keep(self) -> None:
        """Beat; once cancelled, still as long as handlers run: nothing interrupts those in threads.

        Without beats others would take their jobs, and run them beside them.
        """
        try:
            await self._keeper.run()
        except anyio.get_cancelled_exc_class():
            if self._slots.running:
                with anyio.CancelScope(shield=True):
                    async with anyio.create_task_group() as tasks:
                        tasks.start_soon(self._keeper.run)
                        await self._ended()
                        tasks.cancel_scope.cancel()
            raise

    async def _run_jobs(self, crash: Callable[[BaseException], None]) -> None:
        """One runner after the other, each in a nursery that ends with it.

        A damaged one can't end cleanly: the scope that a handler left open outlives the task.
        """
        while True:
            runner = Runner(self._driver, self._settings, self._slots, self._runnables, crash)
            try:
                async with anyio.create_task_group() as own:
                    own.start_soon(runner.run, name="goncordia runner")
            except BaseExceptionGroup as group:
                if not runner.damaged:
                    raise outermost(group) from None
            await checkpoint()
            if not runner.damaged:
                raise PoolEnded(KILLED)
            log.warning("a handler damaged its runner, which is replaced")

    async def drain(self) -> None:
        """Begin no more jobs, let what runs end in time, stop the rest; wait until all has ended.

        Then a claim that is on its way has some time to come home: what it took is given back. Real
        time bounds it too, should nobody move a mock clock any more.
        """
        slots, settings = self._slots, self._settings
        slots.close()
        slots.wake.set()
        patience = settings.shutdown_timeout
        with settings.clock.scope(patience), anyio.move_on_after(patience):
            await self._ended()
        if slots.running:
            log.warning("shutdown: %d jobs are told to stop", len(slots.running))
            slots.stop(CancelReason.SHUTDOWN)
            await self._ended()
        with anyio.move_on_after(settings.flush_timeout):
            await self._fetching.wait()

    async def _ended(self) -> None:
        while self._slots.running:
            await self._slots.change()

    async def end(self, error: BaseException | None) -> None:
        """Write what ended, give back what did not, leave, and raise what there is to raise.

        That is `error`, or the exit that a handler asked for; if nothing but a cancellation, what
        the store did not take. It is bounded by `flush_timeout` of real time: nobody moves a mock
        clock for a pool that ends.
        """
        error, failure = self._stopped_by or error, None
        self._slots.close()
        try:
            with anyio.move_on_after(self._settings.flush_timeout, shield=True):
                await self._flush(SystemClock())
        except Exception as unexpected:
            failure = unexpected
        lost = self._finisher.unwritten()
        if lost:
            told = OutcomesUnwritten([outcome.id for outcome in lost])
            told.__cause__, failure = failure, told
        raise_worst(error, failure)

    async def _flush(self, clock: Clock) -> None:
        finisher, told = self._finisher, self._settings.clock.told
        await finisher.write(clock)
        await _insist(self._fetcher.give_back, clock)
        await finisher.write(clock)
        await _insist(self._upkeep.resign, clock)
        session = self._lease.session
        if session is not None:
            await _insist(partial(self._driver.leave, session, now=told()), clock)
        await finisher.flush(clock)


async def _insist(step: Callable[[], Awaitable[None]], clock: Clock) -> None:
    """Do it, however often the store is away; the caller bounds the time."""
    backoff = Backoff()
    while True:
        try:
            return await step()
        except Unavailable as error:
            log.warning("the store does not hear that this worker leaves: %s", error)
            await backoff.rest(clock)


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

    Raises `CapabilityMissing`, `InvalidArgument` or `Unavailable` before anything starts. What a
    handler raises is its job's outcome and never ends the block, save `SystemExit` and
    `KeyboardInterrupt`; what the block itself raises leaves it as it is. `OutcomesUnwritten` is
    raised if the store did not take all outcomes at the end (beside another exception it is a note
    on that one), `PoolEnded` if a task of the pool was killed past all scopes.
    """
    driver.capabilities.require(require)
    pool = WorkerPool(driver, registry, Settings.of(driver, registry, options))
    await pool.join()
    error = None
    try:
        async with anyio.create_task_group() as tasks:
            pool.start(tasks)
            yield pool
            await pool.drain()
            tasks.cancel_scope.cancel()
    except BaseException as raised:  # raised again by `end`
        error = outermost(raised)
    await pool.end(error)
