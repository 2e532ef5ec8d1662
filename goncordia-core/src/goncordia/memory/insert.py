"""Inserting jobs: new, known already, skipped for the holder of a key, or put in its place."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from goncordia.answers import Inserted, Insertion
from goncordia.clock import as_utc, due
from goncordia.jobs import Conflict, NewJob, UniqueKey
from goncordia.lifecycle import Event, Facts, born, visible
from goncordia.memory.moment import Moment
from goncordia.memory.record import Record
from goncordia.memory.writes import Writes, decided

_BORN_DUE = born(Facts())
_BORN_AHEAD = born(Facts(ahead=True))


def insert(writes: Writes, jobs: Sequence[NewJob], moment: Moment) -> list[Inserted]:
    """Answer each job. The caller made sure that none is blocked."""
    times = [run_at_of(job, moment) for job in jobs]
    return [_insert(writes, job, at, moment) for job, at in zip(jobs, times, strict=True)]


def run_at_of(job: NewJob, moment: Moment) -> datetime:
    """When the job is due; raises `InvalidArgument` for a naive datetime."""
    when = job.run_at
    if when is None:
        return moment.at
    if isinstance(when, datetime):
        return as_utc(when, f"run_at of job {job.id}")
    return due(when, moment.at)


def _insert(writes: Writes, job: NewJob, run_at: datetime, moment: Moment) -> Inserted:
    if writes.find(job.id.int) is not None:
        return Inserted(job.id, Insertion.EXISTING)
    record = _record(writes, job, run_at, moment)
    if job.unique is None:
        writes.add(record)
        return Inserted(job.id, Insertion.CREATED)
    return _insert_unique(writes, record, job.unique, moment)


def _insert_unique(writes: Writes, record: Record, key: UniqueKey, moment: Moment) -> Inserted:
    held = writes.holder(key.key)
    if held is not None and not (
        key.on_conflict is Conflict.REPLACE and _give_way(writes, held.id.int, moment)
    ):
        return Inserted(record.id, Insertion.SKIPPED, held.id)
    writes.add(record)
    writes.take_key(record)
    if held is None:
        return Inserted(record.id, Insertion.CREATED)
    return Inserted(record.id, Insertion.REPLACED, held.id)


def _give_way(writes: Writes, id: int, moment: Moment) -> bool:
    """Whether the holder waited and is cancelled."""
    holder = writes.find(id)
    if holder is None:
        return False
    state = visible(holder.state, holder.run_at, moment.at)
    rule = decided(Event.CANCEL, state, Facts())
    if rule is None or rule.target is None or not rule.ends:
        return False
    writes.step(holder, rule, rule.target, moment)
    return True


def _record(writes: Writes, job: NewJob, run_at: datetime, moment: Moment) -> Record:
    state = _BORN_DUE if run_at <= moment.at else _BORN_AHEAD
    return Record(
        job.id,
        job.kind,
        job.args,
        job.version,
        writes.table.line(job.queue),
        job.priority,
        job.max_attempts,
        job.unique,
        job.tags,
        job.meta,
        moment.at,
        run_at,
        writes.table.micros(run_at),
        state,
        state,
    )
