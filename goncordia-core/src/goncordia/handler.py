"""What a handler sees: its job, and the verdicts that it may raise."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Generic, Protocol, TypeVar
from uuid import UUID

from goncordia import codec
from goncordia.args import Args
from goncordia.clock import When, as_utc
from goncordia.errors import InvalidArgument, JobCancelled
from goncordia.jobs import ClaimedJob

A_co = TypeVar("A_co", bound=Args, covariant=True)


class Verdict(Exception):  # a verdict is no error
    """Raised by a handler to say what is to become of its job."""


class Snooze(Verdict):
    """Run it later; the attempt is not counted. At least one second ahead."""

    def __init__(self, wait: timedelta | float) -> None:
        """`wait` is a timedelta or seconds."""
        super().__init__(wait)
        self.wait = max(
            wait if isinstance(wait, timedelta) else timedelta(seconds=wait), timedelta(seconds=1)
        )


class RetryAt(Verdict):
    """Failed; try again then, whatever the retry policy says."""

    def __init__(self, when: When, reason: str = "") -> None:
        """`when` is an aware datetime or a timedelta from now; raises `InvalidArgument`."""
        if not isinstance(when, datetime | timedelta):  # pyright: ignore[reportUnnecessaryIsInstance] - untyped callers
            raise InvalidArgument(f"RetryAt({when!r}): use an aware datetime or a timedelta")
        super().__init__(reason or f"retry at {when}")
        self.when = as_utc(when, "RetryAt(when)") if isinstance(when, datetime) else when


class Discard(Verdict):
    """Failed, and trying again is of no use."""


class Cancel(Verdict):
    """End the job as cancelled."""


class CancelReason(StrEnum):
    """Why a handler's scope was cancelled."""

    REQUESTED = "requested"
    """By `client.cancel`."""
    TIMEOUT = "timeout"
    SHUTDOWN = "shutdown"
    LEASE_LOST = "lease lost"
    SELF = "self"
    """By the handler, with `job.cancel()`."""


class Control(Protocol):
    """What the pool does for a running job."""

    def cancel(self, reason: CancelReason) -> None:
        """Store the first reason, then cancel the handler's scope."""
        ...

    @property
    def cancel_reason(self) -> CancelReason | None:
        """The first reason, or TIMEOUT when the deadline has passed."""
        ...

    async def complete(self, tx: object, result: object) -> None:
        """Complete the job in the handler's own transaction."""
        ...

    def follow_up(self, args: Args, run_at: When | None) -> UUID:
        """Add a job that is inserted in the same write as the completion."""
        ...


class Job(Generic[A_co]):
    """A running job: its arguments, and what its handler may do."""

    __slots__ = ("_control", "args", "claim")

    def __init__(self, args: A_co, claim: ClaimedJob, control: Control) -> None:
        """Made by the pool."""
        self.args = args
        self.claim = claim
        self._control = control

    @property
    def id(self) -> UUID:
        """The job's id."""
        return self.claim.id

    @property
    def kind(self) -> str:
        """Its kind."""
        return self.claim.kind

    @property
    def queue(self) -> str:
        """The queue that it came from."""
        return self.claim.queue

    @property
    def attempt(self) -> int:
        """Which attempt this is, from 1."""
        return self.claim.attempt

    @property
    def max_attempts(self) -> int:
        """After so many failed attempts the job is discarded."""
        return self.claim.max_attempts

    @property
    def last_attempt(self) -> bool:
        """Whether a failure now is the end."""
        return self.claim.attempt >= self.claim.max_attempts

    @property
    def run_at(self) -> datetime:
        """When it was due, UTC."""
        return self.claim.run_at

    @property
    def created_at(self) -> datetime:
        """When it was enqueued, UTC."""
        return self.claim.created_at

    @property
    def tags(self) -> tuple[str, ...]:
        """Its tags."""
        return self.claim.tags

    @property
    def meta(self) -> Mapping[str, object]:
        """What the producer attached beside the arguments; decoded at each look."""
        return codec.decode_object(self.claim.meta)

    def cancel(self) -> None:
        """Cancel the own handler at its next await."""
        self._control.cancel(CancelReason.SELF)

    @property
    def cancel_reason(self) -> CancelReason | None:
        """Why the handler is being cancelled; None: it is not."""
        return self._control.cancel_reason

    def check_cancelled(self) -> None:
        """Raise `JobCancelled` if it is time: for thread handlers, which nothing can interrupt."""
        reason = self._control.cancel_reason
        if reason is not None:
            raise JobCancelled(f"job {self.claim.id} is to stop: {reason.value}")

    async def complete(self, *, tx: object, result: object = None) -> None:
        """Complete the job in the handler's own transaction: both commit, or neither.

        Raises `HandleMismatch` for a foreign `tx`, `TransactionsUnsupported` where the store has
        none, `LeaseLost` when the job is no longer this worker's.
        """
        await self._control.complete(tx, result)

    def then(self, args: Args, *, run_at: When | None = None) -> UUID:
        """Enqueue a follow-up job in the same write as this job's completion; its id.

        Nothing is enqueued unless the job completes.
        """
        return self._control.follow_up(args, run_at)


def seconds(value: timedelta | float | None, name: str) -> float | None:
    """A span in seconds; raises `InvalidArgument` unless it is longer than nothing."""
    if value is None:
        return None
    number = value.total_seconds() if isinstance(value, timedelta) else float(value)
    if not number > 0:
        raise InvalidArgument(f"{name}={value!r}: must be longer than 0 seconds, or None")
    return number
