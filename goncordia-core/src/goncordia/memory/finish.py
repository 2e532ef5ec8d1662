"""Recording outcomes, fenced by their tokens."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from goncordia.answers import Finished
from goncordia.clock import as_utc, due
from goncordia.jobs import Outcome
from goncordia.lifecycle import Event, Facts, State
from goncordia.memory.insert import insert
from goncordia.memory.moment import Moment
from goncordia.memory.record import Mark, Record
from goncordia.memory.writes import Writes, decided

SHORTEST_SNOOZE = timedelta(seconds=1)


def finish(writes: Writes, outcomes: Sequence[Outcome], moment: Moment) -> list[Finished]:
    """Answer each outcome."""
    return [_finish(writes, outcome, moment) for outcome in outcomes]


def recorded(writes: Writes, id: UUID, token: UUID) -> Finished | None:
    """What the token recorded of a job; None: it holds it still."""
    record = writes.find(id.int)
    if record is None:
        return Finished.GONE
    if writes.locked(id.int):
        return Finished.BUSY
    if holds(record, token):
        return None
    if record.mark is not None and record.mark.token == token:
        return Finished.DONE
    return Finished.LOST


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
    mark = Mark(outcome.token, outcome.event, outcome.final, outcome.cancel)
    if not holds(record, outcome.token):
        return Finished.DONE if record.mark == mark else Finished.LOST
    if any(writes.blocked(job) for job in outcome.follow_ups):
        return Finished.BUSY
    facts = Facts(
        attempts_left=record.attempt < record.max_attempts,
        cancel_requested=record.cancel_requested or outcome.cancel,
        final=outcome.final,
    )
    rule = decided(outcome.event, record.state, facts)
    if rule is None or rule.target is None:
        return Finished.LOST
    new = writes.step(record, rule, rule.target, moment)
    new.mark = mark
    new.result = outcome.result
    new.blame(outcome.error)
    _wait(writes, new, outcome, moment)
    if outcome.follow_ups:
        insert(writes, outcome.follow_ups, moment)
    return Finished.DONE


def _wait(writes: Writes, new: Record, outcome: Outcome, moment: Moment) -> None:
    """When a job that is to run again does so."""
    if outcome.when is None or new.state not in (State.RETRYABLE, State.SCHEDULED):
        return
    when = outcome.when
    at = due(as_utc(when, "when") if isinstance(when, datetime) else when, moment.at)
    if outcome.event is Event.SNOOZE:
        at = max(at, moment.at + SHORTEST_SNOOZE)
        new.snoozes += 1
    new.run_at = at
    new.at = writes.table.micros(at)
