"""Inserting and finishing, at once or in the caller's transaction, as the capabilities allow."""

from __future__ import annotations

from collections.abc import Sequence

from goncordia.answers import Finished, Inserted, Insertion
from goncordia.capabilities import Capabilities
from goncordia.errors import (
    CapabilityMissing,
    HandleMismatch,
    TransactionConflict,
    TransactionsUnsupported,
    Unavailable,
)
from goncordia.jobs import NewJob, Outcome
from goncordia.memory.finish import check_times, finish
from goncordia.memory.insert import insert
from goncordia.memory.moment import Moment
from goncordia.memory.table import Table
from goncordia.memory.tx import Tx
from goncordia.memory.writes import Writes


def insert_jobs(
    table: Table, promised: Capabilities, jobs: Sequence[NewJob], tx: Tx | None, moment: Moment
) -> list[Inserted]:
    """Insert, now or at the commit."""
    _check_unique(promised, jobs, tx)
    if tx is None:
        writes = Writes(table)
        if writes.blocked(jobs):
            raise Unavailable(
                "an open transaction holds an id or a unique key of this insert: send it again"
            )
        answers = insert(writes, jobs, moment)
        writes.apply(moment)
        return answers
    _use(table, tx, moment, "tx_insert", promised.tx_insert)
    if promised.tx_insert == "staged":
        return [_stage_insert(tx, job, moment) for job in jobs]
    if tx.writes.blocked(jobs):
        raise TransactionConflict(
            "another open transaction holds an id or a unique key of this insert: rerun yours"
        )
    return insert(tx.writes, jobs, moment)


def finish_jobs(
    table: Table,
    promised: Capabilities,
    outcomes: Sequence[Outcome],
    tx: Tx | None,
    moment: Moment,
) -> list[Finished]:
    """Record outcomes, now or at the commit."""
    for outcome in outcomes:
        if outcome.follow_ups:
            _check_follow_ups(promised, outcome, tx)
    if tx is None:
        writes = Writes(table)
        answers = finish(writes, outcomes, moment)
        writes.apply(moment)
        return answers
    _use(table, tx, moment, "tx_finish", promised.tx_finish)
    check_times(outcomes)
    if promised.tx_finish == "staged":
        done = [Finished.DONE] * len(outcomes)
        tx.stage(lambda writes: finish(writes, outcomes, moment) == done)
        return [Finished.STAGED] * len(outcomes)
    return finish(tx.writes, outcomes, moment)


def _stage_insert(tx: Tx, job: NewJob, moment: Moment) -> Inserted:
    """Read first what it would meet: a known id or a held key is answered, the rest is staged."""
    [seen] = insert(tx.preview, [job], moment)
    if seen.status not in (Insertion.CREATED, Insertion.REPLACED):
        return seen
    tx.stage(lambda writes: not writes.blocked([job]) and insert(writes, [job], moment) == [seen])
    return Inserted(job.id, Insertion.STAGED)


def _use(table: Table, tx: Tx, moment: Moment, word: str, power: str) -> None:
    if power == "none":
        raise TransactionsUnsupported(word, f"tx=: this store was told to promise {word}=none")
    if not isinstance(tx, Tx):  # pyright: ignore[reportUnnecessaryIsInstance] - untyped callers
        raise HandleMismatch(f"tx={tx!r}: use the memory.Tx of driver.begin()")
    tx.use(table, moment)


def _check_unique(promised: Capabilities, jobs: Sequence[NewJob], tx: Tx | None) -> None:
    word = "unique" if not promised.unique else "tx_unique"
    if (not promised.unique or (tx is not None and not promised.tx_unique)) and any(
        job.unique is not None for job in jobs
    ):
        raise CapabilityMissing(word, f"a unique key: this store was told not to promise {word}")


def _check_follow_ups(promised: Capabilities, outcome: Outcome, tx: Tx | None) -> None:
    if not promised.follow_up:
        raise CapabilityMissing("follow_up", "follow-up jobs: this store was told not to take them")
    _check_unique(promised, outcome.follow_ups, tx)
