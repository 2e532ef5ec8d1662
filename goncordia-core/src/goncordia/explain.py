"""Finding out why a job is where it is, in a handful of bounded looks at the store."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from goncordia.answers import Filter
from goncordia.clock import Clock, utc_now
from goncordia.errors import JobNotFound
from goncordia.jobs import AttemptError, JobRow
from goncordia.lifecycle import ENDED, State
from goncordia.reasons import (
    AttemptsSpent,
    Behind,
    Cancelling,
    Explanation,
    HasEnded,
    HolderLost,
    Next,
    NoHandler,
    NotDue,
    NoWorker,
    QueuePaused,
    Reasons,
    Running,
)
from goncordia.requests import Op, Store, insist
from goncordia.sessions import Session

LOOKED_AT = 500
"""The most due jobs of its queue that are compared with a job."""


def explain(id: UUID, clock: Clock) -> Op[Explanation]:
    """Say why; raises `JobNotFound`."""
    told = clock.told()
    [row] = yield from insist(Store.get, [id], now=told)
    if row is None:
        raise JobNotFound(id)
    if row.state in ENDED:
        return Explanation(row, tuple(ended(row)))
    sessions = yield from insist(Store.sessions, now=told)
    now = told or utc_now()
    if row.state is State.RUNNING:
        return Explanation(row, (held(row, sessions, now),))
    reasons: list[Reasons] = []
    for queue in (yield from insist(Store.queues, None, now=told)):
        if queue.name == row.queue and queue.paused_at is not None:
            reasons.append(QueuePaused(queue.name, queue.paused_at))
    reasons += nobody(row, sessions, now)
    if row.state is State.AVAILABLE:
        reasons += yield from _line(row, told)
    else:
        reasons.insert(0, NotDue(row.run_at, (row.run_at - now).total_seconds(), _error(row)))
    return Explanation(row, tuple(reasons or [Next()]))


def ended(row: JobRow) -> list[Reasons]:
    """How it ended."""
    error = None if row.state is State.COMPLETED else _error(row)
    reasons: list[Reasons] = [HasEnded(row.state, row.finished_at, error, row.expire_at)]
    if row.state is State.DISCARDED and row.attempt >= row.max_attempts:
        reasons.append(AttemptsSpent(row.attempt, row.max_attempts))
    return reasons


def lives(session: Session, now: datetime) -> bool:
    """Whether it may be counted on: nobody need be there to declare a silent one dead."""
    return session.alive and now - session.beat_at < session.ttl


def held(row: JobRow, sessions: Sequence[Session], now: datetime) -> Reasons:
    """Who has a running job."""
    assert row.session is not None  # noqa: S101, a running job has one
    holder = next((session for session in sessions if session.id == row.session), None)
    if holder is None or not lives(holder, now):
        alive = sum(lives(session, now) for session in sessions)
        name, beat = (holder.worker.name, holder.beat_at) if holder else (None, None)
        return HolderLost(row.session, name, beat, alive)
    if row.cancel_requested:
        return Cancelling(holder.id, holder.worker.name)
    since = row.attempted_at or row.run_at
    return Running(holder.id, holder.worker.name, row.attempt, since)


def nobody(row: JobRow, sessions: Sequence[Session], now: datetime) -> list[Reasons]:
    """Whether workers lack that take its queue, or know its kind.

    A session that names no queues or no kinds may take any.
    """
    queue = row.queue
    of_queue = [s for s in sessions if not s.worker.queues or queue in s.worker.queues]
    alive = [session for session in sessions if lives(session, now)]
    able = [s for s in alive if not s.worker.kinds or row.kind in s.worker.kinds]
    reasons: list[Reasons] = []
    working = [session for session in of_queue if session in alive]
    if not working:
        reasons.append(NoWorker(queue, max((s.beat_at for s in of_queue), default=None)))
    if (alive and not able) or (working and not any(s in working for s in able)):
        reasons.append(NoHandler(row.kind, queue, tuple(s.worker.name for s in able)))
    return reasons


def _line(row: JobRow, told: datetime | None) -> Op[list[Reasons]]:
    """How many due jobs come first, among the newest ones of its queue."""
    due = Filter(states=(State.AVAILABLE,), queues=(row.queue,))
    page = yield from insist(Store.list, due, limit=LOOKED_AT, now=told)
    before = sum(_rank(other) < _rank(row) for other in page.rows)
    exact = page.cursor is None
    return [] if exact and not before else [Behind(before, exact)]


def _rank(row: JobRow) -> tuple[int, datetime, UUID]:
    return -row.priority, row.run_at, row.id


def _error(row: JobRow) -> AttemptError | None:
    return row.errors[-1] if row.errors else None
