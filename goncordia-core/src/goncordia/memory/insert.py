"""Inserting jobs: new, known already, skipped for the holder of a key, or put in its place."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from goncordia.answers import Inserted, Insertion
from goncordia.clock import When, as_utc, due
from goncordia.jobs import Conflict, NewJob, UniqueKey
from goncordia.lifecycle import Event, visible
from goncordia.memory.law import BORN_AHEAD, BORN_DUE, move
from goncordia.memory.moment import Moment
from goncordia.memory.record import Record
from goncordia.memory.writes import Writes


def insert(writes: Writes, jobs: Sequence[NewJob], moment: Moment) -> list[Inserted]:
    """Answer each job. The caller made sure that none is blocked."""
    now = moment.at
    times = [now if job.run_at is None else _run_at(job.run_at, job, now) for job in jobs]
    return [_insert(writes, job, run_at, moment) for job, run_at in zip(jobs, times, strict=True)]


def _run_at(when: When, job: NewJob, now: datetime) -> datetime:
    return due(as_utc(when, f"run_at of job {job.id}") if isinstance(when, datetime) else when, now)


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
    cancel = move(Event.CANCEL, state)
    if cancel is None or not cancel.ends:
        return False
    writes.step(holder, cancel, moment)
    return True


def _record(writes: Writes, job: NewJob, run_at: datetime, moment: Moment) -> Record:
    state = BORN_DUE if run_at <= moment.at else BORN_AHEAD
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
        moment.micros if run_at is moment.at else writes.table.micros(run_at),
        state,
        state,
    )
