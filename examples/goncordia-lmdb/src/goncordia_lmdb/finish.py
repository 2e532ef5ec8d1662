"""Recording outcomes, fenced by their tokens."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from goncordia.answers import Finished
from goncordia.jobs import Outcome
from goncordia.lifecycle import DORMANT, Event

from goncordia_lmdb.insert import insert
from goncordia_lmdb.table import Record, Table, ask, mark_of

SHORTEST_SNOOZE = timedelta(seconds=1)


def finish(table: Table, outcomes: Sequence[Outcome]) -> list[Finished]:
    """Answer each outcome."""
    return [_finish(table, outcome) for outcome in outcomes]


def _finish(table: Table, outcome: Outcome) -> Finished:
    record = table.find(outcome.id)
    if record is None:
        return Finished.GONE
    if record.token != outcome.token:
        return Finished.DONE if record.mark == mark_of(outcome) else Finished.LOST
    rule = ask(outcome.event, record, cancel=outcome.cancel, final=outcome.final)
    if rule is None:
        return Finished.LOST
    table.step(record, rule)
    record.mark = mark_of(outcome)
    record.job.result = outcome.result
    if outcome.error is not None:
        record.blame(outcome.error)
    _wait(table, record, outcome)
    table.put(record)
    insert(table, outcome.follow_ups)
    return Finished.DONE


def _wait(table: Table, record: Record, outcome: Outcome) -> None:
    """When a job that is to run again does so."""
    if record.job.state not in DORMANT or outcome.when is None:
        return
    record.job.run_at = table.instant(outcome.when, "when")
    if outcome.event is Event.SNOOZE:
        record.job.run_at = max(record.job.run_at, table.now + SHORTEST_SNOOZE)
        record.job.snoozes += 1
