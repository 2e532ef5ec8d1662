"""Inserting jobs: new, known already, skipped for the holder of a key, or put in its place."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from goncordia.answers import Inserted, Insertion, Queue
from goncordia.jobs import Conflict, JobRow, NewJob
from goncordia.lifecycle import Event, Facts, decide

from goncordia_lmdb.table import Record, Table, encode


def insert(table: Table, jobs: Sequence[NewJob]) -> list[Inserted]:
    """Answer each job; what can't be accepted is refused before anything is written."""
    times = [
        table.now if job.run_at is None else table.instant(job.run_at, f"run_at of job {job.id}")
        for job in jobs
    ]
    return [_insert(table, job, run_at) for job, run_at in zip(jobs, times, strict=True)]


def _insert(table: Table, job: NewJob, run_at: datetime) -> Inserted:
    if table.find(job.id) is not None:
        return Inserted(job.id, Insertion.EXISTING)
    row = JobRow.of(job, run_at, table.now)
    answer = Inserted(job.id, Insertion.CREATED)
    if job.unique is not None and (held := table.holder(job.unique.key)):
        if job.unique.on_conflict is not Conflict.REPLACE or not _give_way(table, held):
            return Inserted(job.id, Insertion.SKIPPED, held)
        answer = Inserted(job.id, Insertion.REPLACED, held)
    table.take_key(row)
    table.put(Record(row))
    if table.read("queues", job.queue.encode()) is None:
        table.write("queues", job.queue.encode(), encode(Queue(job.queue)))
    return answer


def _give_way(table: Table, holder: UUID) -> bool:
    """Whether the holder waited; it is cancelled then."""
    found = table.find(holder)
    rule = found and decide(Event.CANCEL, table.state(found.job), Facts())
    if not found or not rule or not rule.ends:
        return False
    table.step(found, rule)
    table.put(found)
    return True
