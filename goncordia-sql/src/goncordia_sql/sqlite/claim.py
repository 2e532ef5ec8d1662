"""Claiming due jobs for a session."""

from __future__ import annotations

from collections import Counter
from typing import cast

from goncordia.errors import SessionLost
from goncordia.jobs import ClaimedJob
from goncordia.sessions import Claim, Claims
from goncordia.statements import Op, Statement, ask

from goncordia_sql.sqlite import rows
from goncordia_sql.sqlite import statements as sql
from goncordia_sql.sqlite.env import Env

_SECOND = 1_000_000


def claim(env: Env, claim: Claim) -> Op[Claims]:
    """Take what is wanted, less what the token holds already."""
    yield from _check(claim)
    jobs = (yield from _held(claim)) if claim.resend else []
    held = Counter(job.queue for job in jobs)
    answer = Claims(jobs)
    for queue, n in claim.wants.items():
        yield from _claim_queue(env, claim, queue, n - held[queue], answer)
    if held:
        answer.jobs.sort(key=_order)
    return answer


def idle(env: Env, claim: Claim) -> Op[Claims | None]:
    """The answer, if nothing is due: it takes no lock and writes nothing."""
    if claim.resend:
        return None
    yield from _check(claim)
    answer = Claims([])
    for queue in claim.wants:
        ready, due, next_at = yield from _look(env, claim, queue)
        if ready or due:
            return None
        _note(env, answer, next_at)
    return answer


def _check(claim: Claim) -> Op[None]:
    """That the session lives, where no look at a queue will tell."""
    if claim.resend or not claim.wants:
        reply = yield Statement(sql.ALIVE, (claim.session.bytes,))
        _refuse_dead(claim, bool(reply.rows))


def _refuse_dead(claim: Claim, alive: bool) -> None:
    if not alive:
        raise SessionLost(f"session {claim.session} is dead or unknown: join again")


def _claim_queue(env: Env, claim: Claim, queue: str, n: int, answer: Claims) -> Op[None]:
    ready, due, next_at = yield from _look(env, claim, queue)
    _note(env, answer, next_at)
    if not (ready or due):
        return
    if n > 0:
        taken = yield from _take(env, claim, queue, n, due)
        answer.jobs += taken
        if len(taken) < n:
            return
        if claim.resend:  # else it may be assumed that a queue which gave all has more
            ready, due, _ = yield from _look(env, claim, queue)
    answer.more = answer.more or bool(ready or due)


def _look(env: Env, claim: Claim, queue: str) -> Op[tuple[int, int, int | None]]:
    """Whether jobs are ready, whether dormant ones are due, when the next one will be."""
    reply = yield Statement(sql.LOOK, (queue, env.now, claim.session.bytes))
    ready, due, next_at, alive, paused = cast(
        "tuple[int, int | None, int | None, int, int]", reply.rows[0]
    )
    _refuse_dead(claim, bool(alive))
    return (0, 0, None) if paused else (ready, due or 0, next_at)


def _note(env: Env, answer: Claims, next_at: int | None) -> None:
    if next_at is not None:
        seconds = (next_at - env.now) / _SECOND
        answer.next_due_in = min(seconds, answer.next_due_in or seconds)


def _take(env: Env, claim: Claim, queue: str, n: int, due: int) -> Op[list[ClaimedJob]]:
    text = sql.TAKE_DUE if due else sql.TAKE_READY
    params = (queue, env.now, n, claim.session.bytes, claim.token.bytes)
    taken = yield from ask(text, params, lambda row: rows.claimed(row, claim.token))
    taken.sort(key=_order)
    return taken


def _held(claim: Claim) -> Op[list[ClaimedJob]]:
    """What the token holds already."""
    params = (claim.session.bytes, claim.token.bytes)
    return (yield from ask(sql.HELD, params, lambda row: rows.claimed(row, claim.token)))


def _order(job: ClaimedJob) -> tuple[int, object, int]:
    return (-job.priority, job.run_at, job.id.int)
