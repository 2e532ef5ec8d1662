"""Recording outcomes, fenced by their tokens."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from goncordia.answers import Finished
from goncordia.clock import When, as_utc, due
from goncordia.jobs import Outcome
from goncordia.lifecycle import DORMANT, Event
from goncordia.memory.insert import insert
from goncordia.memory.law import move
from goncordia.memory.moment import Moment
from goncordia.memory.record import Record, mark_of
from goncordia.memory.writes import Writes

SHORTEST_SNOOZE = timedelta(seconds=1)


def finish(writes: Writes, outcomes: Sequence[Outcome], moment: Moment) -> list[Finished]:
    """Answer each outcome."""
    return [_finish(writes, outcome, moment) for outcome in outcomes]


def check_times(outcomes: Sequence[Outcome]) -> None:
    """Raise `InvalidArgument` for a naive datetime, before a transaction is half written."""
    for outcome in outcomes:
        for when in (outcome.when, *(job.run_at for job in outcome.follow_ups)):
            if isinstance(when, datetime):
                as_utc(when, f"when of job {outcome.id}")


def holds(record: Record, token: UUID) -> bool:
    """Whether the job runs under that token."""
    holding = record.holding
    return holding is not None and (holding.token is token or holding.token == token)


def _finish(writes: Writes, outcome: Outcome, moment: Moment) -> Finished:
    num = outcome.id.int
    record = writes.find(num)
    if record is None:
        return Finished.GONE
    if writes.locked(num):
        return Finished.BUSY
    if not holds(record, outcome.token):
        return Finished.DONE if record.mark == mark_of(outcome) else Finished.LOST
    if outcome.follow_ups and writes.blocked(outcome.follow_ups):
        return Finished.BUSY
    step = move(
        outcome.event,
        record.state,
        record.attempt < record.max_attempts,
        record.cancel_requested or outcome.cancel,
        outcome.final,
    )
    if step is None:
        return Finished.LOST
    _write(writes, writes.step(record, step, moment), outcome, moment)
    return Finished.DONE


def _write(writes: Writes, new: Record, outcome: Outcome, moment: Moment) -> None:
    new.mark = mark_of(outcome)
    new.result = outcome.result
    if outcome.error is not None:
        new.blame(outcome.error)
    if outcome.when is not None:
        _wait(writes, new, outcome.event, outcome.when, moment)
    if outcome.follow_ups:
        insert(writes, outcome.follow_ups, moment)


def _wait(writes: Writes, new: Record, event: Event, when: When, moment: Moment) -> None:
    """When a job that is to run again does so."""
    if new.state not in DORMANT:
        return
    at = due(as_utc(when, "when") if isinstance(when, datetime) else when, moment.at)
    if event is Event.SNOOZE:
        at = max(at, moment.at + SHORTEST_SNOOZE)
        new.snoozes += 1
    new.run_at = at
    new.at = writes.table.micros(at)
