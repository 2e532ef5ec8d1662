"""How an attempt ended, by what its handler raised: what middleware can tell of it."""

from __future__ import annotations

from enum import StrEnum

import anyio

from goncordia.args import Args
from goncordia.errors import JobCancelled, JobTimeout
from goncordia.handler import Cancel, CancelReason, Discard, Job, RetryAt, Snooze
from goncordia.pool.verdict import sole


class Status(StrEnum):
    """How an attempt ended, as far as its handler decides it."""

    COMPLETED = "completed"
    FAILED = "failed"
    """It will be tried again, unless the retry policy says never."""
    DISCARDED = "discarded"
    """It failed and was the last attempt, or the handler raised `Discard`."""
    SNOOZED = "snoozed"
    CANCELLED = "cancelled"
    RELEASED = "released"
    """Given back, at a shutdown for example; the attempt does not count."""


_VERDICTS = {
    Snooze: Status.SNOOZED,
    RetryAt: Status.FAILED,
    Discard: Status.DISCARDED,
    Cancel: Status.CANCELLED,
}
_STOPPED = {
    CancelReason.SHUTDOWN: Status.RELEASED,
    CancelReason.LEASE_LOST: Status.RELEASED,
    CancelReason.REQUESTED: Status.CANCELLED,
    CancelReason.SELF: Status.CANCELLED,
}


def status_of(job: Job[Args], error: BaseException) -> Status:
    """What the pool will make of it."""
    error = sole(error)
    for verdict, status in _VERDICTS.items():
        if isinstance(error, verdict):
            return status
    if isinstance(error, KeyboardInterrupt):
        return Status.RELEASED
    reason = job.cancel_reason
    stopped = None if reason is None else _STOPPED.get(reason)
    if stopped is not None and not isinstance(error, SystemExit):
        return stopped
    return Status.DISCARDED if job.last_attempt else Status.FAILED


def type_of(job: Job[Args], error: BaseException) -> str:
    """The error's type, as the job keeps it: the end of a handler's time is no mere cancel."""
    error = sole(error)
    ended = isinstance(error, (JobCancelled, anyio.get_cancelled_exc_class()))
    if ended and job.cancel_reason is CancelReason.TIMEOUT:
        return JobTimeout.__qualname__
    return type(error).__qualname__
