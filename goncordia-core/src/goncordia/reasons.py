"""Why a job is where it is: each reason a record for programs, and a sentence for people."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec

from goncordia.jobs import AttemptError, JobRow
from goncordia.lifecycle import State

_UNITS = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def spell(seconds: float, units: int = 2) -> str:
    """A span in its largest units: `3 h`, `2 min 5 s`, `less than 1 s`."""
    left, parts = max(int(seconds), 0), list[str]()
    for size, unit in _UNITS:
        number, left = divmod(left, size)
        if number:
            parts.append(f"{number} {unit}")
        elif parts:
            break
    return " ".join(parts[:units]) or "less than 1 s"


class Reason(msgspec.Struct, frozen=True, tag_field="reason"):
    """One thing to know about a job; `str()` says it."""


# It waits.


class QueuePaused(Reason, frozen=True, tag="queue paused"):
    """Its queue gives no jobs."""

    queue: str
    since: datetime

    def __str__(self) -> str:
        return f"its queue {self.queue!r} is paused since {stamp(self.since)}: resume it"


class NotDue(Reason, frozen=True, tag="not due"):
    """Its time has not come."""

    at: datetime
    seconds: float
    """Until then."""
    error: AttemptError | None = None
    """Why its last attempt failed, where it waits to be tried again."""

    def __str__(self) -> str:
        after = f", after {told(self.error)}" if self.error else ""
        return f"due in {spell(self.seconds)}, at {stamp(self.at)}{after}"


class NoWorker(Reason, frozen=True, tag="no worker"):
    """No live worker takes jobs of its queue."""

    queue: str
    last_beat: datetime | None
    """The last sign of life of one that did, if it is still known."""

    def __str__(self) -> str:
        last = f", the last sign of one was at {stamp(self.last_beat)}" if self.last_beat else ""
        return f"no live worker on its queue {self.queue!r}{last}: start one"


class NoHandler(Reason, frozen=True, tag="no handler"):
    """Workers live, and none that takes jobs of its queue knows its kind."""

    kind: str
    queue: str
    elsewhere: tuple[str, ...] = ()
    """Live workers that know it, and don't take jobs of the queue."""

    def __str__(self) -> str:
        if self.elsewhere:
            return (
                f"no live worker on its queue {self.queue!r} knows its kind {self.kind!r}; "
                f"{', '.join(self.elsewhere)} would, on other queues"
            )
        return f"nobody alive knows its kind {self.kind!r}: start a worker that does"


class Behind(Reason, frozen=True, tag="behind"):
    """Other due jobs of its queue come first."""

    at_least: int
    exact: bool
    """False: only so many of the newest due jobs were looked at, and there are others."""

    def __str__(self) -> str:
        return f"behind {'' if self.exact else 'at least '}{self.at_least} due jobs of its queue"


class Next(Reason, frozen=True, tag="next"):
    """Nothing holds it back."""

    def __str__(self) -> str:
        return "due, with none before it: a worker takes it as soon as one has a free slot"


# It runs.


class Running(Reason, frozen=True, tag="running"):
    """A worker runs it now."""

    session: UUID
    worker: str
    attempt: int
    since: datetime

    def __str__(self) -> str:
        return (
            f"runs now, attempt {self.attempt}, since {stamp(self.since)}, at worker "
            f"{self.worker} (session {self.session})"
        )


class Cancelling(Reason, frozen=True, tag="cancelling"):
    """Its holder was asked to stop and has not let go."""

    session: UUID
    worker: str

    def __str__(self) -> str:
        return (
            f"cancelled, and waits for worker {self.worker} (session {self.session}) to let go: it "
            "hears of it with its next beat; a plain function that never asks "
            "job.check_cancelled() runs to its end"
        )


class HolderLost(Reason, frozen=True, tag="holder lost"):
    """The worker that held it fell silent."""

    session: UUID
    worker: str | None
    last_beat: datetime | None
    rescuers: int
    """Live workers, any of which takes it back."""

    def __str__(self) -> str:
        last = f" at {stamp(self.last_beat)}" if self.last_beat else ""
        then = (
            "a live worker takes it back soon" if self.rescuers else "nobody lives to take it back"
        )
        return f"its worker {self.worker or self.session} was last heard of{last}: {then}"


# It ended.


class HasEnded(Reason, frozen=True, tag="ended"):
    """It is completed, discarded or cancelled."""

    state: State
    at: datetime | None
    error: AttemptError | None
    """Its last error, unless it is completed."""
    expire_at: datetime | None
    """When it may be pruned."""

    def __str__(self) -> str:
        at = f", at {stamp(self.at)}" if self.at else ""
        return f"ended: {self.state}{at}{f'; {told(self.error)}' if self.error else ''}"


class AttemptsSpent(Reason, frozen=True, tag="attempts spent"):
    """It failed as often as it may."""

    attempt: int
    max_attempts: int

    def __str__(self) -> str:
        return (
            f"its attempts are spent, {self.attempt} of {self.max_attempts}: retry it to give it "
            "one more"
        )


Reasons = (
    QueuePaused
    | NotDue
    | NoWorker
    | NoHandler
    | Behind
    | Next
    | Running
    | Cancelling
    | HolderLost
    | HasEnded
    | AttemptsSpent
)
"""All that `explain` may say."""


class Explanation(msgspec.Struct, frozen=True):
    """A job, and all that there is to say of why it is where it is; at least one reason."""

    job: JobRow
    reasons: tuple[Reasons, ...]

    def __str__(self) -> str:
        return "\n".join(str(reason) for reason in self.reasons)


def stamp(at: datetime) -> str:
    """A time, to the second."""
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"


def told(error: AttemptError) -> str:
    """A failed attempt in a line."""
    message = " ".join(error.message.split())
    return f"attempt {error.attempt} failed with {error.type}: {message}"
