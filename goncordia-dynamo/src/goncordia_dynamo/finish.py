"""Recording outcomes, fenced by their tokens."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta

from goncordia.answers import Finished
from goncordia.clock import as_utc, to_micros
from goncordia.errors import PayloadTooLarge
from goncordia.jobs import TYPE_LIMIT, AttemptError, NewJob, Outcome, cut
from goncordia.lifecycle import DORMANT, Event

from goncordia_dynamo import draft, statements
from goncordia_dynamo.draft import Draft
from goncordia_dynamo.errors import TransactionTooLarge
from goncordia_dynamo.insert import new_records, plan_insert
from goncordia_dynamo.moment import Moment, ask
from goncordia_dynamo.record import RELATED, Record, mark_of, record_of
from goncordia_dynamo.revise import Plan, revise
from goncordia_dynamo.store import Store
from goncordia_dynamo.table import ENTRIES
from goncordia_dynamo.table import Outcome as Written
from goncordia_dynamo.values import Value, number, opaque, string, text
from goncordia_dynamo.write import JSON, Batched, Write

SHORTEST_SNOOZE = timedelta(seconds=1)
LARGEST_RESULT = 180_000
"""Bytes of a result: with a job's errors it has to fit an item."""


async def finish(store: Store, outcomes: Sequence[Outcome], moment: Moment) -> list[Finished]:
    """Answer each outcome; what can't be accepted is refused before anything is written."""
    check(outcomes, moment)
    answers: dict[int, Finished] = {}
    # a follow-up's unique key may be freed by the outcome before it: then one after the other
    keyed = any(job.unique for outcome in outcomes for job in outcome.follow_ups)
    quick = [] if keyed else _quick(outcomes)
    written = await store.table.execute(_statements(store, [outcomes[n] for n in quick], moment))
    tidying: list[Batched] = []
    for n, outcome in zip(quick, written, strict=True):
        if not outcome.busy:
            answers[n] = _answer(outcomes[n], outcome)
        if outcome.done and outcome.item is not None:
            tidying += _tidying(store, outcome, moment)
    await store.table.apply(tidying)
    rest = [n for n in range(len(outcomes)) if n not in answers]
    for part in [[n] for n in rest] if keyed else [rest]:
        subjects = [(outcomes[n].id, outcomes[n]) for n in part]
        decided = await revise(store, subjects, Finishing(store, moment))
        answers |= dict(zip(part, decided, strict=True))
    for outcome in outcomes:
        store.book.ended(outcome.token, outcome.id)
        store.plain.discard(outcome.id.hex)
    return [answers[n] for n in range(len(outcomes))]


def check(outcomes: Iterable[Outcome], moment: Moment) -> None:
    """Refuse times that are no instants, and follow-up jobs that can't be stored."""
    for outcome in outcomes:
        if isinstance(outcome.when, datetime):
            as_utc(outcome.when, f"when of job {outcome.id}")
        if outcome.follow_ups:
            new_records(outcome.follow_ups, moment)


# Completed, and nothing more to say: written without reading.


def _quick(outcomes: Sequence[Outcome]) -> list[int]:
    """Completions that depend on nothing but the fence, one of each job."""
    first: dict[object, int] = {}
    for n, outcome in enumerate(outcomes):
        first.setdefault(outcome.id, n)
    return [n for n in first.values() if _is_quick(outcomes[n])]


def _is_quick(outcome: Outcome) -> bool:
    plain = outcome.event is Event.COMPLETE and outcome.error is None and not outcome.follow_ups
    return plain and len(outcome.result or b"") <= LARGEST_RESULT


def _statements(store: Store, outcomes: Sequence[Outcome], moment: Moment) -> list[JSON]:
    state = statements.COMPLETED
    told = [
        number(to_micros(moment.now)),
        number(to_micros(moment.now + moment.retention.of(state))),
        number(moment.ttl(state)),
    ]
    return [_statement(store, outcome, told) for outcome in outcomes]


def _statement(store: Store, outcome: Outcome, told: Sequence[Value]) -> JSON:
    """What a job was that may have to be tidied up after is asked back."""
    result = [] if outcome.result is None else [opaque(outcome.result)]
    place = store.layout.job(outcome.id)
    tell = string(place["sk"]) not in store.plain
    held = [place["pk"], place["sk"], text(outcome.token.hex)]
    return {
        "Statement": statements.complete(store.table.name, result=bool(result), tell=tell),
        "Parameters": [*told, text(mark_of(outcome)), *result, *held],
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }


def _answer(outcome: Outcome, written: Written) -> Finished:
    if written.done:
        return Finished.DONE
    if written.item is None:
        return Finished.GONE
    return _known(outcome, record_of(written.item))


def _known(outcome: Outcome, record: Record) -> Finished:
    return Finished.DONE if record.mark == mark_of(outcome) else Finished.LOST


def _tidying(store: Store, written: Written, moment: Moment) -> list[Batched]:
    if written.item is None or not RELATED & written.item.keys():
        return []
    record = record_of(written.item)
    record.job.state, record.ttl = statements.COMPLETED, moment.ttl(statements.COMPLETED)
    return list(draft.ended(record, store.layout))


# The rest: read, decide, write.


class Finishing:
    """Decides on one outcome."""

    def __init__(self, store: Store, moment: Moment) -> None:
        self._store = store
        self._moment = moment

    async def __call__(self, found: Draft | None, outcome: Outcome) -> Plan[Finished]:
        """As things stand."""
        if found is None:
            return Plan(Finished.GONE)
        record = found.record
        if record.token != outcome.token:
            return Plan(_known(outcome, record))
        if not apply_outcome(record, outcome, self._moment):
            return Plan(Finished.LOST)
        writes: list[Write] = []
        for job in outcome.follow_ups:
            writes += await self._follow_up(job, found, {write.key for write in writes})
        if len(writes) >= ENTRIES:
            return self._too_many(Draft(found.item), outcome, len(writes))
        layout = self._store.layout
        return Plan(
            Finished.DONE, [found.change(layout), *writes], list(draft.ended(record, layout))
        )

    def _too_many(self, found: Draft, outcome: Outcome, n: int) -> Plan[Finished]:
        """No transaction holds its follow-up jobs, today or tomorrow: the job ends by that."""
        error = TransactionTooLarge(
            f"{len(outcome.follow_ups)} follow-up jobs make {n} entries beside the outcome: "
            f"DynamoDB takes at most {ENTRIES} together; enqueue the rest by themselves"
        )
        record, layout = found.record, self._store.layout
        told = AttemptError.of(error, record.job.attempt, self._moment.now)
        failure = Outcome(outcome.id, outcome.token, Event.FAIL, error=told, final=True)
        if not apply_outcome(record, failure, self._moment):
            return Plan(Finished.LOST)
        record.mark = mark_of(outcome)
        return Plan(Finished.DONE, [found.change(layout)], list(draft.ended(record, layout)))

    async def _follow_up(
        self, job: NewJob, ending: Draft, written: Collection[object]
    ) -> Sequence[Write]:
        """What inserts it, unless it is there or its key is held."""
        store = self._store
        if await store.table.get(store.layout.job(job.id)) is not None:
            return []
        [record] = new_records([job], self._moment)
        plan = await plan_insert(store, record, self._moment, ending)
        if any(write.key in written for write in plan.writes):
            return []
        if plan.writes:
            await store.know_ages([job.id])
            await store.know_levels([(job.queue, job.priority)])
        return plan.writes


def apply_outcome(record: Record, outcome: Outcome, moment: Moment) -> bool:
    """Record it on the job that its token holds; False where the law refuses it."""
    rule = ask(outcome.event, record, cancel=outcome.cancel, final=outcome.final)
    if rule is None:
        return False
    moment.step(record, rule)
    record.mark = mark_of(outcome)
    _keep_result(record, outcome, moment)
    if outcome.error is not None:
        record.blame(outcome.error)
    _wait(record, outcome, moment)
    return True


def _keep_result(record: Record, outcome: Outcome, moment: Moment) -> None:
    record.job.result = outcome.result
    size = len(outcome.result or b"")
    if size > LARGEST_RESULT:
        record.job.result = None
        error = PayloadTooLarge("the result", size, LARGEST_RESULT)
        name = cut(type(error).__qualname__, TYPE_LIMIT)
        record.blame(AttemptError(record.job.attempt, moment.now, name, str(error)))


def _wait(record: Record, outcome: Outcome, moment: Moment) -> None:
    """When a job that is to run again does so."""
    if record.job.state not in DORMANT or outcome.when is None:
        return
    record.job.run_at = moment.instant(outcome.when, "when")
    if outcome.event is Event.SNOOZE:
        record.job.run_at = max(record.job.run_at, moment.now + SHORTEST_SNOOZE)
        record.job.snoozes += 1
