"""Inserts and outcomes in the caller's transaction: looked at now, decided by the commit.

What is known to stand in the way is answered at once. The rest is staged under the conditions that
hold now, and the commit fails if they no longer do.
"""

from __future__ import annotations

from collections.abc import Sequence

from goncordia.answers import Finished, Inserted, Insertion
from goncordia.jobs import Conflict, NewJob, Outcome, UniqueKey

from goncordia_dynamo.draft import Draft
from goncordia_dynamo.errors import Refused, cancelled, invalid
from goncordia_dynamo.finish import apply_outcome, check
from goncordia_dynamo.insert import give_way, new_records
from goncordia_dynamo.moment import Moment
from goncordia_dynamo.record import Record, mark_of
from goncordia_dynamo.store import Store
from goncordia_dynamo.tx import DynamoTransaction, Taking
from goncordia_dynamo.unique import read_guard


async def stage_jobs(
    store: Store, tx: DynamoTransaction, jobs: Sequence[NewJob], moment: Moment
) -> list[Inserted]:
    """Add jobs to a transaction; nothing of them if they are too many."""
    records = new_records(jobs, moment)
    staging = _Staging(store, tx, moment)
    with tx.adding(store.table.name, store.layout):
        await store.know_ages(job.id for job in jobs)
        return [await staging.insert(record) for record in records]


async def stage_outcomes(
    store: Store, tx: DynamoTransaction, outcomes: Sequence[Outcome], moment: Moment
) -> list[Finished]:
    """Add outcomes to a transaction; nothing of them if they are too many."""
    check(outcomes, moment)
    staging = _Staging(store, tx, moment)
    with tx.adding(store.table.name, store.layout):
        for outcome in outcomes:
            await staging.finish(outcome)
    return [Finished.STAGED] * len(outcomes)


async def commit(store: Store, tx: DynamoTransaction) -> None:
    """Write all that it holds, or nothing.

    Raises a `TransactionConflict` (`ConditionFailed`, `EntryConflict`), `TransactionTooLarge` and
    `InvalidArgument` for what DynamoDB does not take, `Throttled`, or `Unavailable`, after which
    the same transaction may be committed again.
    """
    tx.use(store.table.name, store.layout)
    entries = tx.items
    if entries:
        try:
            reasons = await store.table.commit(entries, tx.token)
        except Refused as refused:
            raise invalid(refused.code, str(refused)) from refused
        if reasons is not None:
            raise cancelled(reasons)
    if tx.staged.levels:
        store.forget_lines()
    tx.closed = True


class _Staging:
    """Adds to one transaction."""

    def __init__(self, store: Store, tx: DynamoTransaction, moment: Moment) -> None:
        self._store = store
        self._staged = tx.staged
        self._moment = moment

    async def insert(self, record: Record, ending: Draft | None = None) -> Inserted:
        """Add a job, unless it is there or its key is held."""
        job, tx = record.job, self._staged
        if job.id in tx.records or await self._store.table.get(self._store.layout.job(job.id)):
            return Inserted(job.id, Insertion.EXISTING)
        if job.unique is not None:
            skipped = await self._take_key(record, job.unique, ending)
            if skipped is not None:
                return skipped
        tx.records[job.id] = record
        if not await self._store.knows_level(job.queue, job.priority):
            tx.levels.setdefault(job.queue, set()).add(job.priority)
        return Inserted(job.id, Insertion.STAGED)

    async def _take_key(
        self, record: Record, key: UniqueKey, ending: Draft | None
    ) -> Inserted | None:
        """Take the key; the answer if it is held."""
        tx, new = self._staged, record.job.id
        replaces = key.on_conflict is Conflict.REPLACE
        known = tx.takings.get(key.key)
        if known is not None:
            staged = tx.records[known.job]
            if not (replaces and give_way(staged, self._moment)):
                return Inserted(new, Insertion.SKIPPED, known.job)
        guard = known.guard if known else await read_guard(self._store, key, ending)
        if known is None and guard.held:
            holder = guard.holder
            if not (replaces and holder and give_way(holder.record, self._moment)):
                return Inserted(new, Insertion.SKIPPED, guard.job)
            tx.drafts[holder.record.job.id] = holder
        elif known is None and guard.job is not None and guard.holder is not ending:
            tx.checks[guard.job] = guard.unchanged(self._store)[0]
        guard.key = key
        record.take, write = guard.take(new)
        tx.takings[key.key] = Taking(guard, new, write)
        return None

    async def finish(self, outcome: Outcome) -> None:
        """Add an outcome with its follow-up jobs."""
        tx, store = self._staged, self._store
        found = tx.drafts.get(outcome.id)
        if found is None:
            item = await store.table.get(store.layout.job(outcome.id))
            found = None if item is None else Draft(item)
        if found is None:
            tx.doomed = True
            return
        record = found.record
        if record.token != outcome.token:
            tx.doomed |= record.mark != mark_of(outcome)
            return
        if not apply_outcome(record, outcome, self._moment):
            tx.doomed = True
            return
        tx.drafts[outcome.id] = found
        for job in outcome.follow_ups:
            await store.know_ages([job.id])
            [new] = new_records([job], self._moment)
            await self.insert(new, found)
