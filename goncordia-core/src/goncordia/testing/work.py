"""Running one handler on its own: no store, no pool, and what it raises comes out as it is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TypedDict, TypeVar, Unpack, cast
from uuid import UUID

import anyio

from goncordia import codec
from goncordia.args import Args, kind_of
from goncordia.clock import Clock, Scope, When, due
from goncordia.enqueue import Enqueue, new_job
from goncordia.errors import InvalidArgument, JobCancelled, JobTimeout
from goncordia.handler import CancelReason, Job, seconds
from goncordia.ids import uuid7
from goncordia.jobs import ClaimedJob, NewJob
from goncordia.middleware import Middleware, wrap
from goncordia.pool.isolation import on_event_loop
from goncordia.pool.verdict import sole
from goncordia.registry import Registry, Worker
from goncordia.system_clock import SystemClock

A = TypeVar("A", bound=Args)


class JobOptions(TypedDict, total=False):
    """What the job of `work` is like; what is left out is as enqueued now, and tried first."""

    attempt: int
    """Which attempt it is, from 1."""
    max_attempts: int
    queue: str
    tags: Collection[str]
    meta: Mapping[str, object]
    run_at: When
    timeout: timedelta | float | None
    """For one attempt; as the registry says, None where a bare handler is given."""
    middleware: Sequence[Middleware]
    """What wraps the handler, outermost first."""
    clock: Clock


@dataclass(frozen=True, slots=True)
class Worked:
    """What a handler did that returned."""

    result: object
    """What it returned."""
    follow_ups: tuple[Enqueue, ...]
    """What it asked for with `job.then`, in order."""
    completed_in: object
    """The transaction that it handed to `job.complete`; None: it did not."""


class Rehearsal:
    """The `Control` of a job that is in no store."""

    def __init__(self, clock: Clock, timeout: float | None) -> None:
        """About to start."""
        self.scope: Scope | None = None
        self.follow_ups: list[Enqueue] = []
        self.completed_in: object = None
        self._clock = clock
        self._reason: CancelReason | None = None
        self._deadline = None if timeout is None else clock.monotonic() + timeout

    def cancel(self, reason: CancelReason) -> None:
        """Keep the first reason, then cancel the handler's scope."""
        self._reason = self._reason or reason
        if self.scope is not None and on_event_loop():
            self.scope.cancel()

    @property
    def cancel_reason(self) -> CancelReason | None:
        """The first reason, or TIMEOUT when the deadline has passed."""
        late = self._deadline is not None and self._clock.monotonic() >= self._deadline
        return self._reason or (CancelReason.TIMEOUT if late else None)

    async def complete(self, tx: object, result: object) -> None:
        """Note the transaction; nothing is written."""
        _check(result)
        self.completed_in = tx

    def follow_up(self, args: Args, run_at: When | None) -> UUID:
        """Note what is to follow, once it is checked as an enqueue is."""
        if self.completed_in is not None:
            raise InvalidArgument("job.then() after job.complete(): say what follows first")
        request = Enqueue(args, run_at=run_at)
        self.follow_ups.append(request)
        return _new(request, self._clock).id


async def work(
    worker: Registry | Callable[[Job[A]], Awaitable[object] | object],
    args: A,
    **options: Unpack[JobOptions],
) -> Worked:
    """Run the handler of one job, and answer what it did.

    `worker` is the handler, or a registry that has one for the kind, with its timeout. The args go
    through JSON and back, as they would in a store; a plain function runs in a thread. What it
    raises is raised, verdicts such as `Snooze` too; a timeout raises `JobTimeout`, and a handler
    that ends by its own `job.cancel()` raises `JobCancelled`. Raises `InvalidArgument` for args, a
    result or a follow-up that no store takes, and for a registry without the kind.
    """
    __tracebackhide__ = True
    clock = options.get("clock") or SystemClock()
    found = _worker_of(worker, type(args))
    timeout = seconds(options.get("timeout", found.timeout), "timeout")
    control = Rehearsal(clock, timeout)
    claim = _claim(args, options, clock)
    job = Job[Args](codec.decode(type(args), claim.args), claim, control)
    call = wrap(partial(_call, found), tuple(options.get("middleware", ())))
    result: object = None
    try:
        with clock.scope(timeout) as scope:
            control.scope = scope
            result = await call(job)
    except BaseExceptionGroup as group:
        raise sole(group) from None
    if scope.cancelled_caught:
        raise _stopped(control)
    _check(result)
    return Worked(result, tuple(control.follow_ups), control.completed_in)


def work_sync(
    worker: Registry | Callable[[Job[A]], Awaitable[object] | object],
    args: A,
    **options: Unpack[JobOptions],
) -> Worked:
    """As `work`, for tests without an event loop: it makes one that lives as long."""
    __tracebackhide__ = True
    return anyio.run(partial(work, worker, args, **options))


def _worker_of(
    worker: Registry | Callable[[Job[A]], Awaitable[object] | object], kind: type[A]
) -> Worker[Args]:
    if not isinstance(worker, Registry):
        alone = Registry()
        alone.worker(args=kind)(worker)
        worker = alone
    found = worker.get(kind_of(kind))
    if found is None:
        raise InvalidArgument(
            f"the registry has no worker for kind {kind_of(kind)!r}; it has "
            f"{', '.join(worker.kinds) or 'none'}: import the module that registers it"
        )
    return found


async def _call(worker: Worker[Args], job: Job[Args]) -> object:
    if worker.blocking:
        return await anyio.to_thread.run_sync(worker.handler, job)
    return await cast("Awaitable[object]", worker.handler(job))


def _new(request: Enqueue, clock: Clock) -> NewJob:
    return new_job(request, lambda kind, queue: uuid7(), clock.now())


def _claim(args: Args, options: JobOptions, clock: Clock) -> ClaimedJob:
    """The job as a pool would have claimed it."""
    request = Enqueue(
        args,
        queue=options.get("queue"),
        max_attempts=options.get("max_attempts"),
        run_at=options.get("run_at"),
        tags=options.get("tags", ()),
        meta=options.get("meta"),
    )
    job, now, attempt = _new(request, clock), clock.now(), options.get("attempt", 1)
    if not 1 <= attempt <= job.max_attempts:
        raise InvalidArgument(f"attempt={attempt}: use 1 to max_attempts={job.max_attempts}")
    return ClaimedJob(
        id=job.id,
        token=uuid7(),
        kind=job.kind,
        args=job.args,
        version=job.version,
        queue=job.queue,
        priority=job.priority,
        attempt=attempt,
        max_attempts=job.max_attempts,
        snoozes=0,
        run_at=now if job.run_at is None else due(job.run_at, now),
        created_at=now,
        tags=job.tags,
        meta=job.meta,
    )


def _check(result: object) -> None:
    if result is not None:
        codec.encode(result, "the handler's result")


def _stopped(control: Rehearsal) -> Exception:
    reason = control.cancel_reason or CancelReason.TIMEOUT
    if reason is CancelReason.TIMEOUT:
        return JobTimeout("the handler ran past its timeout and was cancelled")
    return JobCancelled(f"the handler was cancelled ({reason.value})")
