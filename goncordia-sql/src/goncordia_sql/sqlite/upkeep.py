"""Sessions and their beats, the rescue of what dead ones hold, the pruning of what ended."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from typing import cast
from uuid import UUID

from goncordia.answers import Progress
from goncordia.errors import WorkerLost
from goncordia.ids import uuid7
from goncordia.jobs import AttemptError
from goncordia.lifecycle import Event, Facts
from goncordia.retention import RESEND_WINDOW
from goncordia.retry import rescue_backoff
from goncordia.sessions import Beat, Session, WorkerInfo
from goncordia.statements import Op, Row, Statement, ask, change

from goncordia_sql.sqlite import record, rows
from goncordia_sql.sqlite import statements as sql
from goncordia_sql.sqlite.env import MICROSECOND, Env
from goncordia_sql.sqlite.record import Record

_FOR_EVER = 2**62
_WINDOW = RESEND_WINDOW // MICROSECOND


def join(env: Env, worker: WorkerInfo, ttl: timedelta) -> Op[Session]:
    """Begin a session."""
    session, now = uuid7(), env.now
    params = (session.bytes, rows.encode(worker), ttl // MICROSECOND, now, now)
    yield from change(sql.JOIN, params)
    return Session(session, worker, ttl, env.at, env.at)


def beat(env: Env, session: UUID, tokens: Collection[UUID]) -> Op[Beat]:
    """Note that the session lives, and give back what it does not know it holds."""
    if not (yield from change(sql.BEAT, (env.now, session.bytes))):
        return Beat(alive=False)
    known = {token.bytes for token in tokens}
    forgotten: list[UUID] = []
    cancels: list[UUID] = []
    for row in (yield Statement(sql.HOLDING, (session.bytes,))).rows:
        job, token, at, cancel = cast("tuple[bytes, bytes, int, int]", row)
        if token not in known and env.now - at > _WINDOW:
            forgotten.append(UUID(bytes=job))
        elif cancel:
            cancels.append(UUID(bytes=job))
    if forgotten:
        yield from _step_all(env, forgotten, Event.RELEASE)
    return Beat(alive=True, cancels=tuple(cancels))


def leave(env: Env, session: UUID) -> Op[None]:
    """Declare a session dead."""
    yield from change(sql.LEAVE, (env.now, session.bytes))


def sessions(env: Env) -> Op[list[Session]]:
    """Those that live, or hold jobs still."""
    return (yield from ask(sql.SESSIONS, (), rows.session))


def rescue(env: Env, limit: int, observed: timedelta | None) -> Op[Progress]:
    """Declare silent sessions dead, and take their jobs back."""
    yield from change(sql.DECLARE_DEAD, _silence(env, observed))
    lost = yield from ask(sql.LOST, (limit + 1,), rows.uuid)
    if lost:
        yield from _step_all(env, lost[:limit], Event.RESCUE)
    yield from change(sql.BURY)
    return Progress(len(lost[:limit]), more=len(lost) > limit)


def nobody_lost(env: Env, limit: int, observed: timedelta | None) -> Op[Progress | None]:
    """The answer, if no session is dead or silent: it takes no lock."""
    rows = yield from ask(sql.ANY_LOST, _silence(env, observed), _truth)
    return None if rows[0] else Progress(0)


def prune(env: Env, limit: int) -> Op[Progress]:
    """Remove ended jobs whose retention has passed."""
    expired = yield from ask(sql.EXPIRED, (env.now, limit + 1), rows.uuid)
    if expired:
        yield from record.remove(expired[:limit])
    return Progress(len(expired[:limit]), more=len(expired) > limit)


def none_expired(env: Env, limit: int) -> Op[Progress | None]:
    """The answer, if there is nothing to prune: it takes no lock."""
    expired = yield from ask(sql.EXPIRED, (env.now, 1), rows.uuid)
    return None if expired else Progress(0)


def _silence(env: Env, observed: timedelta | None) -> tuple[int, int]:
    return (env.now, _FOR_EVER if observed is None else observed // MICROSECOND)


def _truth(row: Row) -> bool:
    return bool(row[0])


def _step_all(env: Env, ids: Collection[UUID], event: Event) -> Op[None]:
    found = yield from record.read(ids)
    for job in found.values():
        _step(env, job, event)
    yield from record.write(found.values())


def _step(env: Env, job: Record, event: Event) -> None:
    facts = Facts(
        attempts_left=job.attempt < job.max_attempts, cancel_requested=bool(job.cancel_requested)
    )
    rule = record.decided(event, sql.STATES[job.state], facts)
    if rule is None or rule.target is None:
        return
    attempt = job.attempt
    job.step(rule, rule.target, env)
    if event is Event.RESCUE:
        error = WorkerLost("the worker that ran it fell silent: killed, frozen, or cut off")
        job.blame(AttemptError(attempt, env.at, type(error).__qualname__, str(error)))
        if not rule.ends:
            wait = rescue_backoff(attempt, error) or timedelta(0)
            job.run_at = env.now + wait // MICROSECOND
    job.tell(env)
