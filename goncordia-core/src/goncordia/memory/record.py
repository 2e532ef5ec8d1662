"""A job as the store keeps it, and the two shapes in which it is shown."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec

from goncordia.jobs import KEPT_ERRORS, AttemptError, ClaimedJob, JobRow, Outcome, UniqueKey
from goncordia.lifecycle import Event, State, visible
from goncordia.memory.line import Line
from goncordia.memory.session import Holding

Mark = tuple[UUID, Event, bool, bool]
"""What `finish` leaves on a row, to know the same outcome when it is sent again."""


def mark_of(outcome: Outcome) -> Mark:
    """The token and which outcome it was."""
    return outcome.token, outcome.event, outcome.final, outcome.cancel


# gc=False: nothing that a record refers to leads back to it, and a million of them cost the
# collector nothing.
class Record(msgspec.Struct, gc=False):
    """A job's row."""

    id: UUID
    kind: str
    args: bytes
    version: int
    line: Line
    priority: int
    max_attempts: int
    unique: UniqueKey | None
    tags: tuple[str, ...]
    meta: bytes
    created_at: datetime
    run_at: datetime
    at: int
    """`run_at` in microseconds."""
    state: State
    seen: State
    """The state under which the line counts it: a job that fell due is moved on there."""
    key: int = 0
    """Its place among the due jobs of its line; 0: it is not among them."""
    attempt: int = 0
    snoozes: int = 0
    attempted_at: datetime | None = None
    finished_at: datetime | None = None
    expire_at: datetime | None = None
    cancel_requested: bool = False
    holding: Holding | None = None
    """The claim that holds it; None unless it runs."""
    errors: tuple[AttemptError, ...] = ()
    result: bytes | None = None
    mark: Mark | None = None

    def blame(self, error: AttemptError) -> None:
        """Keep an error, and of those before it the last few."""
        self.errors = (*self.errors, error)[-KEPT_ERRORS:]

    def claimed(self, token: UUID) -> ClaimedJob:
        """As its claimant gets it."""
        return ClaimedJob(
            self.id,
            token,
            self.kind,
            self.args,
            self.version,
            self.line.name,
            self.priority,
            self.attempt,
            self.max_attempts,
            self.snoozes,
            self.run_at,
            self.created_at,
            self.tags,
            self.meta,
        )

    def row(self, now: datetime) -> JobRow:
        """As anyone may see it."""
        return JobRow(
            id=self.id,
            kind=self.kind,
            args=self.args,
            version=self.version,
            queue=self.line.name,
            priority=self.priority,
            state=visible(self.state, self.run_at, now),
            attempt=self.attempt,
            max_attempts=self.max_attempts,
            snoozes=self.snoozes,
            run_at=self.run_at,
            created_at=self.created_at,
            attempted_at=self.attempted_at,
            finished_at=self.finished_at,
            expire_at=self.expire_at,
            cancel_requested=self.cancel_requested,
            session=None if self.holding is None else self.holding.session.id,
            errors=self.errors,
            result=self.result,
            unique=self.unique,
            tags=self.tags,
            meta=self.meta,
        )
