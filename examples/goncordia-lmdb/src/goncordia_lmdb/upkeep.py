"""What one worker does for all: rescue what dead sessions hold, prune what ended long ago."""

from __future__ import annotations

from datetime import timedelta
from itertools import chain, islice

import msgspec
from goncordia.answers import Progress
from goncordia.errors import WorkerLost
from goncordia.jobs import AttemptError
from goncordia.lifecycle import Event, Facts, decide
from goncordia.retry import rescue_backoff
from goncordia.sessions import Session

from goncordia_lmdb import keys, sessions
from goncordia_lmdb.table import Record, Table, ask


def rescue(table: Table, limit: int, observed: timedelta | None) -> Progress:
    """Declare silent sessions dead, and take their jobs back."""
    dead = [
        each for each in sessions.every(table) if not each.alive or _silent(table, each, observed)
    ]
    held = {each.id: table.held(each.id.bytes) for each in dead}
    for each in dead:
        if held[each.id]:
            sessions.write(table, msgspec.structs.replace(each, alive=False))
        else:
            table.erase("sessions", each.id.bytes)
    lost = list(chain.from_iterable(held.values()))
    for record in lost[:limit]:
        _take_back(table, record)
    return Progress(len(lost[:limit]), more=len(lost) > limit)


def prune(table: Table, limit: int) -> Progress:
    """Remove ended jobs whose retention has passed."""
    end = keys.instant(table.now + timedelta(microseconds=1))
    expired = [key for key, _ in islice(table.scan("expiry"), limit + 1) if key < end]
    for key in expired[:limit]:
        record = table.find(keys.job_id(key))
        if record and decide(Event.PRUNE, record.job.state, Facts(expired=True)):
            table.remove(record)
    return Progress(len(expired[:limit]), more=len(expired) > limit)


def _silent(table: Table, session: Session, observed: timedelta | None) -> bool:
    silence = table.now - session.beat_at
    return (silence if observed is None else min(silence, observed)) >= session.ttl


def _take_back(table: Table, record: Record) -> None:
    """It counts as a failed attempt; only `finish` leaves a mark, so the old token has lost."""
    rule = ask(Event.RESCUE, record)
    if rule is None:
        return
    attempt = record.job.attempt
    error = WorkerLost("the worker that ran it fell silent: killed, frozen, or cut off")
    record.blame(AttemptError(attempt, table.now, type(error).__qualname__, str(error)))
    table.step(record, rule)
    if not rule.ends:
        record.job.run_at = table.now + (rescue_backoff(attempt, error) or timedelta(0))
    table.put(record)
