"""Runs jobs, one after the other, each in one cancel scope and a context of its own."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Never, cast

import anyio
from anyio.lowlevel import checkpoint

from goncordia import upcast
from goncordia.args import Args
from goncordia.driver import Driver
from goncordia.errors import ArgsDecodeError, HandlerError, PayloadAhead
from goncordia.handler import CancelReason, Job
from goncordia.jobs import ClaimedJob, Outcome
from goncordia.lifecycle import Event
from goncordia.middleware import Middleware, Next, wrap
from goncordia.pool import verdict
from goncordia.pool.isolation import InContext, Strays, cancelled_from_outside
from goncordia.pool.running import Running
from goncordia.pool.settings import Settings
from goncordia.pool.slots import Slots
from goncordia.registry import Registry, Worker

log = logging.getLogger("goncordia.pool")

TURNS = 32
"""Jobs in a row before a runner lets others run, should no handler have waited."""


@dataclass(frozen=True, slots=True)
class Runnable:
    """A worker, wrapped in the pool's middleware."""

    worker: Worker[Args]
    call: Next


def runnables(
    registry: Registry, middleware: tuple[Middleware, ...], limiter: anyio.CapacityLimiter
) -> dict[str, Runnable]:
    """What to call for each kind."""
    return {
        worker.kind: Runnable(worker, wrap(_callee(worker, limiter), middleware))
        for worker in registry
    }


def _callee(worker: Worker[Args], limiter: anyio.CapacityLimiter) -> Next:
    handler = worker.handler

    def in_thread(job: Job[Args]) -> Awaitable[object]:
        return anyio.to_thread.run_sync(handler, job, limiter=limiter)

    def on_loop(job: Job[Args]) -> Awaitable[object]:
        return cast("Awaitable[object]", handler(job))

    return in_thread if worker.blocking else on_loop


class Runner:
    """One task that runs jobs until the pool ends, or until a handler damaged it."""

    def __init__(
        self,
        driver: Driver[Never],
        settings: Settings,
        slots: Slots,
        runnables: Mapping[str, Runnable],
        crash: Callable[[BaseException], None],
    ) -> None:
        """`crash` is told of an exception that stops the pool."""
        self._driver = driver
        self._settings = settings
        self._slots = slots
        self._runnables = runnables
        self._crash = crash
        self.damaged = False
        """Whether a handler left its task unfit for another."""

    async def run(self) -> None:
        """Run jobs; returns only when this task is no longer fit to."""
        slots, strays = self._slots, Strays()
        turns = 0
        while True:
            claim = slots.take()
            if claim is None:
                await slots.work()
                continue
            outcome = await self._outcome(claim)
            slots.finished(claim, outcome)
            if self.damaged:
                return
            turns += 1
            if strays.pending:
                await strays.absorb()
            if turns % TURNS == 0 or outcome.event is Event.RELEASE:
                await checkpoint()

    async def _outcome(self, claim: ClaimedJob) -> Outcome:
        """Run the job; never raises what a handler did."""
        runnable = self._runnables.get(claim.kind)
        if runnable is None:
            log.warning("no worker here handles kind %s: job %s waits", claim.kind, claim.id)
            return verdict.left(claim)
        worker = runnable.worker
        try:
            args = upcast.read(worker.args, claim.args, claim.version)
        except PayloadAhead as error:
            log.warning("job %s waits: %s", claim.id, error)
            return verdict.left(claim)
        except ArgsDecodeError as error:
            log.warning("job %s of kind %s: its args can't be read", claim.id, claim.kind)
            return verdict.unreadable(claim, error, worker.retry, self._settings.clock.now())
        running = Running(claim, self._driver, self._settings, worker.timeout)
        self._slots.running.add(running)
        try:
            return await self._attempt(running, runnable, Job(args, claim, running))
        finally:
            self._slots.running.discard(running)
            if running.in_transaction:
                self._slots.doubtful.add(claim.id)

    async def _attempt(self, running: Running, runnable: Runnable, job: Job[Args]) -> Outcome:
        worker, call = runnable.worker, runnable.call
        returned, result = False, None
        inner: BaseException | None = None
        try:
            # shielded: the pool passes a cancellation from outside on to it, with the reason
            with self._settings.clock.scope(worker.timeout, shield=True) as scope:
                running.scope = scope
                try:
                    result = await InContext(call, job, self._slots.rouse)
                    returned = True
                except BaseException as error:
                    inner = error
                    raise
        except BaseException as error:  # a handler's exceptions are its outcome
            return self._raised(running, worker, error, inner)
        now = self._settings.clock.now
        if returned:
            return verdict.returned(running, result, worker.retry, now)
        return verdict.stopped(running, worker.retry, now)

    def _raised(
        self,
        running: Running,
        worker: Worker[Args],
        error: BaseException,
        inner: BaseException | None,
    ) -> Outcome:
        now = self._settings.clock.now
        if isinstance(error, RuntimeError) and error is not inner:  # from the scope, not from in it
            self.damaged = True
            error = HandlerError("the handler left a cancel scope or nursery open behind it")
            return verdict.raised(running, error, worker.retry, now())
        error, leaving = verdict.sole(error), cancelled_from_outside()
        if leaving and running.cancel_reason is None:
            running.cancel(CancelReason.SHUTDOWN)
        if isinstance(error, anyio.get_cancelled_exc_class()):
            if leaving:  # the runner's next await ends it
                return verdict.stopped(running, worker.retry, now)
            error = HandlerError("the handler cancelled its own task, or awaited a cancelled one")
        wish = verdict.exit_in(error)
        outcome = verdict.raised(running, wish or error, worker.retry, now())
        if wish is not None:
            self._crash(wish)
        return outcome
