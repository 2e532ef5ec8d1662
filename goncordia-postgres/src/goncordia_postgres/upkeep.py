"""Sessions and their beats, the rescue of what dead ones hold, the pruning of what ended."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple, cast
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

from goncordia_postgres import record, rows
from goncordia_postgres import statements as sql
from goncordia_postgres.env import MICROSECOND, Env
from goncordia_postgres.record import Record

_WINDOW = RESEND_WINDOW // MICROSECOND


class Pulse(NamedTuple):
    """What a beat found."""

    beat: Beat
    peers: int = 1
    """How many sessions live."""
    forgotten: bool = False
    """Whether the session holds jobs that it does not know of."""


def join(env: Env, worker: WorkerInfo, ttl: timedelta) -> Op[Session]:
    """Begin a session."""
    session = uuid7()
    params = (session, rows.encode(worker), ttl // MICROSECOND, env.now)
    [at] = yield from ask(sql.JOIN, params, lambda row: cast("datetime", row[0]))
    return Session(session, worker, ttl, at, at)


def beat(env: Env, session: UUID, tokens: Collection[UUID], *, whole: bool) -> Op[Pulse]:
    """Note that the session lives; the whole of it looks for what is forgotten, too."""
    if whole:
        reply = yield Statement(sql.BEAT, (session, list(tokens), _WINDOW, env.now))
    else:
        reply = yield Statement(sql.BEAT_KNOWN, (session, list(tokens), env.now))
    found = cast("Sequence[tuple[UUID, bool, int | None]]", reply.rows)
    peers = [n for _, _, n in found if n is not None]
    if not peers:
        return Pulse(Beat(alive=False))
    cancels = tuple(job for job, forgotten, n in found if n is None and not forgotten)
    return Pulse(Beat(alive=True, cancels=cancels), peers[0], any(f for _, f, _ in found))


def release(env: Env, session: UUID, tokens: Collection[UUID]) -> Op[None]:
    """Give back what the session does not know that it holds."""
    params = (session, list(tokens), _WINDOW, env.now)
    ids = yield from ask(sql.FORGOTTEN, params, rows.uuid)
    if ids:
        yield from _step_all(env, ids, Event.RELEASE)


def leave(env: Env, session: UUID) -> Op[None]:
    """Declare a session dead."""
    yield from change(sql.LEAVE, (session, env.now))


def sessions(env: Env) -> Op[list[Session]]:
    """Those that live, or hold jobs still."""
    return (yield from ask(sql.SESSIONS, (), rows.session))


def any_lost(env: Env, observed: timedelta | None) -> Op[bool]:
    """Whether a session is dead or silent: without, there is nothing to rescue."""
    return (yield from ask(sql.ANY_LOST, _silence(env, observed), _truth))[0]


def rescue(env: Env, limit: int, observed: timedelta | None) -> Op[Progress]:
    """Declare silent sessions dead, and take their jobs back."""
    yield from change(sql.DECLARE_DEAD, _silence(env, observed))
    lost = yield from ask(sql.LOST, (limit + 1,), rows.uuid)
    if lost:
        yield from _step_all(env, lost[:limit], Event.RESCUE)
    yield from change(sql.BURY)
    return Progress(len(lost[:limit]), more=len(lost) > limit)


def prune(env: Env, limit: int) -> Op[Progress]:
    """Remove ended jobs whose retention has passed."""
    reply = yield Statement(sql.PRUNE, (limit, env.now))
    gone, found = cast("tuple[int, int]", reply.rows[0])
    return Progress(gone, more=found > gone)


def _silence(env: Env, observed: timedelta | None) -> tuple[int | None, datetime | None]:
    return (None if observed is None else observed // MICROSECOND, env.now)


def _truth(row: Row) -> bool:
    return bool(row[0])


def _step_all(env: Env, ids: Collection[UUID], event: Event) -> Op[None]:
    found = yield from record.read(env, ids)
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
        job.blame(AttemptError(attempt, job.now, type(error).__qualname__, str(error)))
        if not rule.ends:
            job.run_at = job.now + (rescue_backoff(attempt, error) or timedelta(0))
    job.tell(env)
