"""What is said about jobs between client, worker pool and driver: plain records, no behaviour.

Times are aware UTC datetimes with microseconds; arguments, meta and results are JSON bytes that a
driver keeps byte for byte.
"""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from uuid import UUID

import msgspec

from goncordia.clock import When
from goncordia.lifecycle import Event, Facts, State, born

PRIORITIES = range(-16, 16)
MAX_ATTEMPTS = 32_767
"""The most that `max_attempts` may say."""
QUEUE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:/-]{0,127}")
KEPT_ERRORS = 20
"""A job keeps the errors of its last so many failed attempts."""
TYPE_LIMIT, MESSAGE_LIMIT, TRACEBACK_LIMIT = 200, 2_000, 8_000
"""Bytes kept of an error's type, message and traceback."""


class Hold(StrEnum):
    """For how long a job holds its unique key."""

    LIVE = "live"
    """Until it ends."""
    KEPT = "kept"
    """Until it is pruned or deleted."""
    FOREVER = "forever"
    """Also after it is gone."""


class Conflict(StrEnum):
    """What an insert does when another job holds its unique key."""

    SKIP = "skip"
    REPLACE = "replace"
    RAISE = "raise"
    """Skips in the store; the client raises `UniqueConflict`."""


class UniqueKey(msgspec.Struct, frozen=True):
    """A claim on being the only one: a sha256, how long it holds, what a conflict does."""

    key: bytes
    hold: Hold = Hold.LIVE
    on_conflict: Conflict = Conflict.SKIP


# gc=False, here and below: nothing that such a record holds leads back to it, so that many of them
# cost the collector nothing.
class NewJob(msgspec.Struct, gc=False):
    """A job to insert."""

    id: UUID
    kind: str
    args: bytes
    version: int = 1
    queue: str = "default"
    priority: int = 0
    run_at: When | None = None
    """None: now, by the store's clock."""
    max_attempts: int = 25
    unique: UniqueKey | None = None
    tags: tuple[str, ...] = ()
    meta: bytes = b""


class AttemptError(msgspec.Struct, frozen=True):
    """Why an attempt failed; texts are cut to their limits at whole characters."""

    attempt: int
    at: datetime
    type: str
    message: str
    traceback: str = ""

    @staticmethod
    def of(error: BaseException, attempt: int, at: datetime) -> AttemptError:
        """The record of an exception."""
        lines = traceback.format_exception(error)
        return AttemptError(
            attempt,
            at,
            cut(type(error).__qualname__, TYPE_LIMIT),
            cut(_message(error), MESSAGE_LIMIT),
            cut("".join(lines), TRACEBACK_LIMIT, keep_end=True),
        )


def _message(error: BaseException) -> str:
    try:
        return str(error)
    except Exception as failure:
        return f"(its message can't be had: {type(failure).__qualname__})"


def cut(text: str, limit: int, *, keep_end: bool = False) -> str:
    """At most `limit` bytes of UTF-8, never half a character; lone surrogates become `?`."""
    data = text.replace("\x00", "\\x00").encode("utf-8", "replace")
    if len(data) > limit:
        data = data[-limit:] if keep_end else data[:limit]
    return data.decode("utf-8", "ignore")


class ClaimedJob(msgspec.Struct, gc=False):
    """A job as its claimant gets it."""

    id: UUID
    token: UUID
    kind: str
    args: bytes
    version: int
    queue: str
    priority: int
    attempt: int
    max_attempts: int
    snoozes: int
    run_at: datetime
    created_at: datetime
    tags: tuple[str, ...] = ()
    meta: bytes = b""


class JobRow(msgspec.Struct, gc=False):
    """A job as anyone may see it."""

    id: UUID
    kind: str
    args: bytes
    version: int
    queue: str
    priority: int
    state: State
    """As visible: a due job is available."""
    attempt: int
    max_attempts: int
    snoozes: int
    run_at: datetime
    created_at: datetime
    attempted_at: datetime | None = None
    """The last claim."""
    finished_at: datetime | None = None
    expire_at: datetime | None = None
    """When an ended job may be pruned."""
    cancel_requested: bool = False
    session: UUID | None = None
    """The worker session that runs it."""
    errors: tuple[AttemptError, ...] = ()
    """Oldest first, the last `KEPT_ERRORS`."""
    result: bytes | None = None
    unique: UniqueKey | None = None
    tags: tuple[str, ...] = ()
    meta: bytes = b""

    @staticmethod
    def of(job: NewJob, run_at: datetime, now: datetime) -> JobRow:
        """A job as it stands once it is inserted, for that time."""
        return JobRow(
            id=job.id,
            kind=job.kind,
            args=job.args,
            version=job.version,
            queue=job.queue,
            priority=job.priority,
            state=born(Facts(ahead=run_at > now)),
            attempt=0,
            max_attempts=job.max_attempts,
            snoozes=0,
            run_at=run_at,
            created_at=now,
            unique=job.unique,
            tags=job.tags,
            meta=job.meta,
        )


class Outcome(msgspec.Struct, gc=False):
    """What became of a claimed job; made by the functions below, so that no wrong mix is said."""

    id: UUID
    token: UUID
    event: Event
    when: When | None = None
    """The next `run_at` of a failed or snoozed job."""
    error: AttemptError | None = None
    final: bool = False
    cancel: bool = False
    result: bytes | None = None
    follow_ups: tuple[NewJob, ...] = ()


def completed(
    job: ClaimedJob,
    result: bytes | None = None,
    follow_ups: Iterable[NewJob] = (),
    error: AttemptError | None = None,
) -> Outcome:
    """The work is done. An `error` is kept beside it: a result that could not be, say."""
    return Outcome(
        job.id,
        job.token,
        Event.COMPLETE,
        result=result,
        error=error,
        follow_ups=tuple(follow_ups),
    )


def failed(job: ClaimedJob, error: AttemptError, when: When) -> Outcome:
    """Try again then; discarded where no attempt is left."""
    return Outcome(job.id, job.token, Event.FAIL, when=when, error=error)


def discarded(job: ClaimedJob, error: AttemptError) -> Outcome:
    """Failed, and trying again is of no use."""
    return Outcome(job.id, job.token, Event.FAIL, error=error, final=True)


def cancelled(job: ClaimedJob, error: AttemptError) -> Outcome:
    """Ended by a cancel, the error kept."""
    return Outcome(job.id, job.token, Event.FAIL, error=error, cancel=True)


def snoozed(job: ClaimedJob, when: When) -> Outcome:
    """Not now, but then; the attempt is given back."""
    return Outcome(job.id, job.token, Event.SNOOZE, when=when)


def released(job: ClaimedJob) -> Outcome:
    """Given back as if never claimed."""
    return Outcome(job.id, job.token, Event.RELEASE)
