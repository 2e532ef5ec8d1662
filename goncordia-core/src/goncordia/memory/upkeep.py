"""Beats, the rescue of what dead sessions hold, and the pruning of what ended long ago."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime, timedelta
from itertools import islice
from uuid import UUID

from goncordia.answers import Progress
from goncordia.errors import WorkerLost
from goncordia.jobs import AttemptError
from goncordia.lifecycle import Event
from goncordia.memory.law import move, removes
from goncordia.memory.moment import Moment
from goncordia.memory.record import Record
from goncordia.memory.session import Lease
from goncordia.memory.table import Table
from goncordia.memory.writes import Writes
from goncordia.retention import RESEND_WINDOW
from goncordia.retry import rescue_backoff
from goncordia.sessions import Beat


def beat(table: Table, session: UUID, tokens: Collection[UUID], moment: Moment) -> Beat:
    """Note that the session lives, and give back what it does not know it holds."""
    lease = table.leases.get(session)
    if lease is None or not lease.alive:
        return Beat(alive=False)
    lease.beat_at = moment.at
    writes = Writes(table)
    for record in _forgotten(table, lease, frozenset(tokens), moment.at):
        _give_back(writes, record, moment)
    writes.apply(moment)
    held = (table.rows[num] for holding in lease.claims.values() for num in holding.jobs)
    return Beat(alive=True, cancels=tuple(job.id for job in held if job.cancel_requested))


def leave(table: Table, session: UUID) -> None:
    """Declare a session dead."""
    lease = table.leases.get(session)
    if lease is not None:
        lease.alive = False
        _forget(table, lease)


def rescue(table: Table, limit: int, observed: timedelta | None, moment: Moment) -> Progress:
    """Declare silent sessions dead, and take their jobs back."""
    for lease in list(table.leases.values()):
        if lease.silent(moment.at, observed):
            lease.alive = False
        _forget(table, lease)
    writes = Writes(table)
    lost = list(islice(_orphans(table), limit + 1))
    for record in lost[:limit]:
        _take_back(writes, record, moment)
    writes.apply(moment)
    return Progress(len(lost[:limit]), more=len(lost) > limit)


def prune(table: Table, limit: int, moment: Moment) -> Progress:
    """Remove ended jobs whose retention has passed; no transaction locks an ended one."""
    writes = Writes(table)
    n, more = 0, False
    for record in table.expired(moment.micros):
        if n == limit:
            table.keep(record)
            more = True
            break
        if removes(Event.PRUNE, record.state, expired=True):
            writes.remove(record)
            n += 1
    writes.apply(moment)
    return Progress(n, more)


def _forget(table: Table, lease: Lease) -> None:
    """A dead session that holds nothing is nobody's business any more."""
    if not lease.alive and not lease.claims:
        del table.leases[lease.id]


def _forgotten(
    table: Table, lease: Lease, tokens: frozenset[UUID], now: datetime
) -> Iterator[Record]:
    for holding in lease.claims.values():
        if holding.token not in tokens:
            held = (table.rows[num] for num in holding.jobs if num not in table.locks)
            yield from (record for record in held if _claimed_long_ago(record, now))


def _claimed_long_ago(record: Record, now: datetime) -> bool:
    """By the job's own claim: a resent one may have taken it later than the first."""
    return record.attempted_at is not None and now - record.attempted_at > RESEND_WINDOW


def _orphans(table: Table) -> Iterator[Record]:
    for lease in table.leases.values():
        if not lease.alive:
            for holding in lease.claims.values():
                yield from (table.rows[num] for num in holding.jobs if num not in table.locks)


def _give_back(writes: Writes, record: Record, moment: Moment) -> None:
    release = move(Event.RELEASE, record.state, cancel_requested=record.cancel_requested)
    if release is not None:
        writes.step(record, release, moment)


def _take_back(writes: Writes, record: Record, moment: Moment) -> None:
    spent = record.attempt >= record.max_attempts
    rescue = move(Event.RESCUE, record.state, not spent, record.cancel_requested)
    if rescue is None:
        return
    new = writes.step(record, rescue, moment)
    error = WorkerLost("the worker that ran it fell silent: killed, frozen, or cut off")
    new.blame(AttemptError(record.attempt, moment.at, type(error).__qualname__, str(error)))
    if not rescue.ends:
        new.run_at = moment.at + (rescue_backoff(record.attempt, error) or timedelta(0))
        new.at = writes.table.micros(new.run_at)
