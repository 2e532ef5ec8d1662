"""What becomes of a job whose handler has ended: the outcome, decided without any I/O."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import cast

from goncordia.enqueue import LATEST
from goncordia.errors import (
    HandlerError,
    InvalidArgument,
    JobCancelled,
    JobTimeout,
    TransactionNotCommitted,
    UnknownKind,
)
from goncordia.handler import Cancel, CancelReason, RetryAt, Snooze, Verdict
from goncordia.jobs import (
    AttemptError,
    ClaimedJob,
    Outcome,
    cancelled,
    completed,
    discarded,
    failed,
    released,
    snoozed,
)
from goncordia.pool.running import Running
from goncordia.retry import Exponential, RetryPolicy, exponential

log = logging.getLogger("goncordia.pool")

LONGEST = timedelta(days=36_525)
"""Longer waits are cut to a century: a store has to be able to add them to its now."""

unknown_backoff = Exponential(first=timedelta(seconds=5), longest=timedelta(minutes=10))

Now = Callable[[], datetime]
"""Asked only where an error is recorded: most jobs need no time."""

_GIVEN_BACK = (CancelReason.SHUTDOWN, CancelReason.LEASE_LOST)
_STOPPED = (CancelReason.REQUESTED, CancelReason.SELF)


def returned(running: Running, result: object, retry: RetryPolicy, now: Now) -> Outcome:
    """The handler returned: the work is done, whatever was asked meanwhile."""
    claim = running.claim
    if running.in_transaction:
        # fenced out, and answered lost, if that transaction committed; counts if it did not
        error = TransactionNotCommitted(
            f"job {claim.id} was completed in a transaction that was not committed"
        )
        return _failed(claim, error, retry, now())
    if result is None:
        return completed(claim, None, running.follow_ups)
    try:
        return completed(claim, running.encode(result), running.follow_ups)
    except InvalidArgument as error:
        cause = HandlerError(f"the job is done, but its result was not kept: {error}")
        note = AttemptError.of(cause, claim.attempt, now())
        return completed(claim, None, running.follow_ups, note)


def stopped(running: Running, retry: RetryPolicy, now: Now) -> Outcome:
    """The handler ended by being cancelled; its deadline gives no reason beforehand."""
    claim, reason = running.claim, running.cancel_reason or CancelReason.TIMEOUT
    if reason in _GIVEN_BACK:
        return released(claim)
    if reason is CancelReason.TIMEOUT:
        error = JobTimeout(f"attempt {claim.attempt} ran past its timeout and was cancelled")
        return _failed(claim, error, retry, now())
    cause = JobCancelled(f"cancelled while it ran ({reason.value})")
    return cancelled(claim, AttemptError.of(cause, claim.attempt, now()))


def raised(running: Running, error: BaseException, retry: RetryPolicy, now: datetime) -> Outcome:
    """The handler ended with an exception, which is `sole`."""
    claim, reason = running.claim, running.cancel_reason
    if isinstance(error, Verdict):
        return _said(claim, error, now)
    if isinstance(error, KeyboardInterrupt):
        return released(claim)
    if isinstance(error, JobCancelled) and reason is not None:
        return stopped(running, retry, lambda: now)
    if reason in _GIVEN_BACK and not isinstance(error, SystemExit):
        return released(claim)
    if reason in _STOPPED:
        return cancelled(claim, AttemptError.of(error, claim.attempt, now))
    return _failed(claim, error, retry, now)


def left(claim: ClaimedJob) -> Outcome:
    """For another deploy: its kind, or the version of its arguments, is not known here.

    It waits, longer each time, and no attempt is counted.
    """
    error = UnknownKind(f"no worker here handles kind {claim.kind!r}")
    wait = unknown_backoff(claim.snoozes + 1, error)
    return snoozed(claim, wait or timedelta(minutes=10))


def unreadable(claim: ClaimedJob, error: Exception, retry: RetryPolicy, now: datetime) -> Outcome:
    """The arguments don't fit the class; a later deploy may read them."""
    return _failed(claim, error, retry, now)


def exit_in(error: BaseException) -> SystemExit | KeyboardInterrupt | None:
    """The wish to end the process, if it is one or a group with one in it."""
    while isinstance(error, BaseExceptionGroup):
        group = cast("BaseExceptionGroup[BaseException]", error)
        found = group.subgroup((SystemExit, KeyboardInterrupt))
        if found is None:
            return None
        error = found.exceptions[0]
    return error if isinstance(error, SystemExit | KeyboardInterrupt) else None


def sole(error: BaseException) -> BaseException:
    """The one leaf of a group of one: a nursery's wrapping says nothing."""
    while isinstance(error, BaseExceptionGroup):
        group = cast("BaseExceptionGroup[BaseException]", error)
        error, *others = group.exceptions
        if others:
            return group
    return error


def _failed(claim: ClaimedJob, error: BaseException, retry: RetryPolicy, now: datetime) -> Outcome:
    record = AttemptError.of(error, claim.attempt, now)
    wait = _wait(retry, claim, error)
    return discarded(claim, record) if wait is None else failed(claim, record, wait)


def _wait(retry: RetryPolicy, claim: ClaimedJob, error: BaseException) -> timedelta | None:
    try:
        wait = retry(claim.attempt, error)
        return None if wait is None else min(max(wait, timedelta(0)), LONGEST)
    except Exception as failure:  # its texts may quote the handler's error, and that the args
        log.error(  # noqa: TRY400
            "the retry policy of kind %s raised %s; the default one is used for job %s",
            claim.kind,
            type(failure).__qualname__,
            claim.id,
        )
        return exponential(claim.attempt, error)


def _said(claim: ClaimedJob, verdict: Verdict, now: datetime) -> Outcome:
    if isinstance(verdict, Snooze):
        return snoozed(claim, min(verdict.wait, LONGEST))
    record = AttemptError.of(verdict, claim.attempt, now)
    if isinstance(verdict, RetryAt):
        when = verdict.when
        cut = min(when, LONGEST) if isinstance(when, timedelta) else min(when, LATEST)
        return failed(claim, record, cut)
    return cancelled(claim, record) if isinstance(verdict, Cancel) else discarded(claim, record)
