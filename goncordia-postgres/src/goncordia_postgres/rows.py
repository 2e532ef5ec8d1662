"""Rows to records: how what stands in the columns is read."""

from __future__ import annotations

from datetime import datetime
from typing import cast
from uuid import UUID

import msgspec
from goncordia.jobs import AttemptError, ClaimedJob, JobRow, UniqueKey
from goncordia.lifecycle import visible
from goncordia.sessions import Session, WorkerInfo
from goncordia.statements import Row

from goncordia_postgres.env import MICROSECOND
from goncordia_postgres.statements import CONFLICTS, HOLDS, STATES

encode = msgspec.json.Encoder().encode
_errors = msgspec.json.Decoder(tuple[AttemptError, ...])
_worker = msgspec.json.Decoder(WorkerInfo)

_Claimed = tuple[
    UUID, str, bytes, int, str, int, int, int, int, datetime, datetime, list[str] | None,
    bytes | None,
]  # fmt: skip
_Job = tuple[
    UUID, str, bytes, int, str, int, int, int, int, int, datetime, datetime, datetime | None,
    datetime | None, datetime | None, bool, UUID | None, bytes | None, bytes | None,
    bytes | None, int, int, list[str] | None, bytes | None, datetime,
]  # fmt: skip


def claimed(row: Row, token: UUID) -> ClaimedJob:
    """A job for its claimant, from the columns `CLAIMED`."""
    (
        job_id, kind, args, version, queue, priority, attempt, max_attempts, snoozes, run_at,
        created_at, tags, meta,
    ) = cast("_Claimed", row)  # fmt: skip
    return ClaimedJob(
        job_id,
        token,
        kind,
        args,
        version,
        queue,
        priority,
        attempt,
        max_attempts,
        snoozes,
        run_at,
        created_at,
        tuple(tags) if tags else (),
        meta or b"",
    )


def job(row: Row) -> JobRow:
    """A job for anyone, from the columns `JOB` and now."""
    (
        job_id, kind, args, version, queue, priority, state, attempt, max_attempts, snoozes, run_at,
        created_at, attempted_at, finished_at, expire_at, cancel, session, failures, result, key,
        hold, conflict, tags, meta, now,
    ) = cast("_Job", row)  # fmt: skip
    return JobRow(
        job_id,
        kind,
        args,
        version,
        queue,
        priority,
        visible(STATES[state], run_at, now),
        attempt,
        max_attempts,
        snoozes,
        run_at,
        created_at,
        attempted_at,
        finished_at,
        expire_at,
        cancel,
        session,
        errors(failures),
        result,
        None if key is None else UniqueKey(key, HOLDS[hold], CONFLICTS[conflict]),
        tuple(tags) if tags else (),
        meta or b"",
    )


def errors(data: bytes | None) -> tuple[AttemptError, ...]:
    """The errors that a job keeps."""
    return () if data is None else _errors.decode(data)


def session(row: Row) -> Session:
    """A worker's session."""
    session_id, worker, ttl, joined_at, beat_at, alive = cast(
        "tuple[UUID, bytes, int, datetime, datetime, bool]", row
    )
    return Session(session_id, _worker.decode(worker), ttl * MICROSECOND, joined_at, beat_at, alive)


def uuid(row: Row) -> UUID:
    """The id that stands in the first column."""
    return cast("UUID", row[0])
