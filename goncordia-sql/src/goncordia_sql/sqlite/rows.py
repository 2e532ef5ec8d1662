"""Rows to records: how what stands in the columns is read."""

from __future__ import annotations

from datetime import datetime
from typing import cast
from uuid import UUID

import msgspec
from goncordia.clock import from_micros
from goncordia.ids import from_bytes
from goncordia.jobs import AttemptError, ClaimedJob, JobRow, UniqueKey
from goncordia.lifecycle import visible
from goncordia.sessions import Session, WorkerInfo
from goncordia.statements import Row

from goncordia_sql.sqlite.env import MICROSECOND
from goncordia_sql.sqlite.statements import CONFLICTS, HOLDS, STATES

encode = msgspec.json.Encoder().encode
_errors = msgspec.json.Decoder(tuple[AttemptError, ...])
_tags = msgspec.json.Decoder(tuple[str, ...])
_worker = msgspec.json.Decoder(WorkerInfo)

_Claimed = tuple[
    bytes, str, bytes, int, str, int, int, int, int, int, int, str | None, bytes | None
]
_Job = tuple[
    bytes, str, bytes, int, str, int, int, int, int, int, int, int, int | None, int | None,
    int | None, int, bytes | None, bytes | None, bytes | None, bytes | None, int, int,
    str | None, bytes | None,
]  # fmt: skip


def claimed(row: Row, token: UUID) -> ClaimedJob:
    """A job for its claimant, from the columns `CLAIMED`."""
    (
        job_id, kind, args, version, queue, priority, attempt, max_attempts, snoozes, run_at,
        created_at, tags, meta,
    ) = cast("_Claimed", row)  # fmt: skip
    created = from_micros(created_at)
    return ClaimedJob(
        from_bytes(job_id),
        token,
        kind,
        args,
        version,
        queue,
        priority,
        attempt,
        max_attempts,
        snoozes,
        created if run_at == created_at else from_micros(run_at),
        created,
        () if tags is None else _tags.decode(tags),
        meta or b"",
    )


def job(row: Row, now: datetime) -> JobRow:
    """A job for anyone, from the columns `JOB`."""
    (
        job_id, kind, args, version, queue, priority, state, attempt, max_attempts, snoozes, run_at,
        created_at, attempted_at, finished_at, expire_at, cancel, session, failures, result, key,
        hold, conflict, tags, meta,
    ) = cast("_Job", row)  # fmt: skip
    due = from_micros(run_at)
    return JobRow(
        from_bytes(job_id),
        kind,
        args,
        version,
        queue,
        priority,
        visible(STATES[state], due, now),
        attempt,
        max_attempts,
        snoozes,
        due,
        from_micros(created_at),
        _time(attempted_at),
        _time(finished_at),
        _time(expire_at),
        bool(cancel),
        None if session is None else from_bytes(session),
        errors(failures),
        result,
        None if key is None else UniqueKey(key, HOLDS[hold], CONFLICTS[conflict]),
        () if tags is None else _tags.decode(tags),
        meta or b"",
    )


def errors(data: bytes | None) -> tuple[AttemptError, ...]:
    """The errors that a job keeps."""
    return () if data is None else _errors.decode(data)


def session(row: Row) -> Session:
    """A worker's session."""
    session_id, worker, ttl, joined_at, beat_at, alive = cast(
        "tuple[bytes, bytes, int, int, int, int]", row
    )
    return Session(
        from_bytes(session_id),
        _worker.decode(worker),
        ttl * MICROSECOND,
        from_micros(joined_at),
        from_micros(beat_at),
        bool(alive),
    )


def uuid(row: Row) -> UUID:
    """The id that stands in the first column."""
    return from_bytes(cast("bytes", row[0]))


def _time(micros: int | None) -> datetime | None:
    return None if micros is None else from_micros(micros)
