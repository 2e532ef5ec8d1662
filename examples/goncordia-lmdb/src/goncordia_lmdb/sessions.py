"""Worker sessions: who works, and under which lease its jobs are held."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from uuid import UUID

import msgspec
from goncordia.ids import uuid7
from goncordia.lifecycle import Event
from goncordia.retention import RESEND_WINDOW
from goncordia.sessions import Beat, Session, WorkerInfo

from goncordia_lmdb.table import Record, Table, ask, encode

_decode = msgspec.msgpack.Decoder(Session).decode


def join(table: Table, worker: WorkerInfo, ttl: timedelta) -> Session:
    """Begin a session."""
    session = Session(uuid7(), worker, ttl, joined_at=table.now, beat_at=table.now)
    write(table, session)
    return session


def beat(table: Table, id: UUID, tokens: Collection[UUID]) -> Beat:
    """Note that it lives, and give back what it does not know it holds."""
    session = find_session(table, id)
    if session is None or not session.alive:
        return Beat(alive=False)
    write(table, msgspec.structs.replace(session, beat_at=table.now))
    known = frozenset(tokens)
    cancels: list[UUID] = []
    for record in table.held(id.bytes):
        if record.token not in known and _settled(table, record):
            _release(table, record)
        elif record.job.cancel_requested:
            cancels.append(record.job.id)
    return Beat(alive=True, cancels=tuple(cancels))


def leave(table: Table, id: UUID) -> None:
    """Declare it dead; `rescue` takes its jobs."""
    session = find_session(table, id)
    if session is not None:
        write(table, msgspec.structs.replace(session, alive=False))


def sessions(table: Table) -> list[Session]:
    """Those that live, or hold jobs still."""
    return [each for each in every(table) if each.alive or table.held(each.id.bytes)]


def every(table: Table) -> list[Session]:
    """All that are stored."""
    return [_decode(value) for _, value in table.scan("sessions")]


def find_session(table: Table, id: UUID) -> Session | None:
    """The session, if it is stored."""
    found = table.read("sessions", id.bytes)
    return None if found is None else _decode(found)


def write(table: Table, session: Session) -> None:
    """Store it."""
    table.write("sessions", session.id.bytes, encode(session))


def _settled(table: Table, record: Record) -> bool:
    """Whether nobody can still be about to learn of this claim."""
    at = record.job.attempted_at
    return at is not None and table.now - at > RESEND_WINDOW


def _release(table: Table, record: Record) -> None:
    rule = ask(Event.RELEASE, record)
    if rule is not None:
        table.step(record, rule)
        table.put(record)
