"""Inserting jobs: new, known already, skipped for the holder of a key, or put in its place."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from goncordia.answers import Inserted, Insertion
from goncordia.errors import PayloadTooLarge
from goncordia.jobs import Conflict, JobRow, NewJob
from goncordia.lifecycle import Event, Facts, decide

from goncordia_dynamo import draft
from goncordia_dynamo.draft import Draft, large_part
from goncordia_dynamo.moment import Moment
from goncordia_dynamo.record import Record, item_of
from goncordia_dynamo.revise import TRIES, Plan, contended, pause, revise
from goncordia_dynamo.store import Store
from goncordia_dynamo.unique import read_guard
from goncordia_dynamo.write import Put, Write

LARGEST = 390_000
"""Bytes of a job's args and meta together; DynamoDB holds 400 KB in an item."""


async def insert(store: Store, jobs: Sequence[NewJob], moment: Moment) -> list[Inserted]:
    """Answer each job; what can't be accepted is refused before anything is written."""
    records = new_records(jobs, moment)
    answers: dict[int, Inserted] = {}
    plain, others = _apart(jobs)
    await store.know_ages(job.id for job in jobs)
    await store.know_levels((jobs[n].queue, jobs[n].priority) for n in plain)
    await _put(store, [put for n in plain for put in large_part(records[n], store.layout)])
    made = await _put(store, [Put(item_of(records[n], store.layout)) for n in plain])
    for n, created in zip(plain, made, strict=True):
        status = Insertion.CREATED if created else Insertion.EXISTING
        answers[n] = Inserted(jobs[n].id, status)
    for n in others:
        [answers[n]] = await revise(store, [(jobs[n].id, records[n])], _Inserting(store, moment))
    return [answers[n] for n in range(len(jobs))]


async def _put(store: Store, puts: Sequence[Put]) -> list[bool]:
    """Put these items; which of them were not there before."""
    created: dict[int, bool] = {}
    left = list(range(len(puts)))
    for attempt in range(TRIES):
        outcomes = await store.table.apply([puts[n] for n in left])
        created |= {n: o.done for n, o in zip(left, outcomes, strict=True) if not o.busy}
        left = [n for n in left if n not in created]  # they met a transaction
        if not left:
            return [created[n] for n in range(len(puts))]
        await pause(store, attempt)
    raise contended(len(left))


def new_records(jobs: Sequence[NewJob], moment: Moment) -> list[Record]:
    """The jobs as they would be stored; raises `InvalidArgument` for what can't be."""
    for job in jobs:
        size = len(job.args) + len(job.meta)
        if size > LARGEST:
            raise PayloadTooLarge(f"args and meta of job {job.id}", size, LARGEST)
    times = [
        moment.now if job.run_at is None else moment.instant(job.run_at, f"run_at of job {job.id}")
        for job in jobs
    ]
    return [_record(job, run_at, moment) for job, run_at in zip(jobs, times, strict=True)]


def _record(job: NewJob, run_at: datetime, moment: Moment) -> Record:
    return Record(JobRow.of(job, run_at, moment.now))


def _apart(jobs: Sequence[NewJob]) -> tuple[list[int], list[int]]:
    """Those that one batch can insert without reading, and the others, which come after them."""
    plain: list[int] = []
    others: list[int] = []
    seen: set[UUID] = set()
    for n, job in enumerate(jobs):
        (plain if job.unique is None and job.id not in seen else others).append(n)
        seen.add(job.id)
    return plain, others


class _Inserting:
    """Decides on one job that needs a look at what is there."""

    def __init__(self, store: Store, moment: Moment) -> None:
        self._store = store
        self._moment = moment

    async def __call__(self, found: Draft | None, record: Record) -> Plan[Inserted]:
        if found is not None:
            return Plan(Inserted(record.job.id, Insertion.EXISTING))
        plan = await plan_insert(self._store, record, self._moment)
        if plan.writes:
            job = record.job
            await self._store.know_levels([(job.queue, job.priority)])
        return plan


async def plan_insert(
    store: Store, record: Record, moment: Moment, ending: Draft | None = None
) -> Plan[Inserted]:
    """What an insert of a job that is not there does, as things stand.

    `ending` is a job whose outcome brings this one, as it will be; its own write is the caller's.
    """
    job = record.job
    large = large_part(record, store.layout)
    if job.unique is None:
        writes = [Put(item_of(record, store.layout)), *large]
        return Plan(Inserted(job.id, Insertion.CREATED), writes)
    guard = await read_guard(store, job.unique, ending)
    record.take, taking = guard.take(job.id)
    writes = [taking, Put(item_of(record, store.layout)), *large]
    holder, holder_id = guard.holder, guard.job
    if not guard.held:
        checks: Sequence[Write] = () if holder is ending and holder else guard.unchanged(store)
        return Plan(Inserted(job.id, Insertion.CREATED), [*writes, *checks])
    replaces = job.unique.on_conflict is Conflict.REPLACE
    if replaces and holder and give_way(holder.record, moment):
        changes = [] if holder is ending else [holder.change(store.layout)]
        after = [w for w in draft.ended(holder.record, store.layout) if w.key != taking.key]
        return Plan(Inserted(job.id, Insertion.REPLACED, holder_id), [*writes, *changes], after)
    return Plan(Inserted(job.id, Insertion.SKIPPED, holder_id))


def give_way(holder: Record, moment: Moment) -> bool:
    """Whether the holder of a key waits; it is cancelled then."""
    rule = decide(Event.CANCEL, moment.state(holder), Facts())
    if rule is None or not rule.ends:
        return False
    moment.step(holder, rule)
    return True
