"""Claiming due jobs for a session."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import cast

from goncordia.errors import SessionLost
from goncordia.jobs import ClaimedJob
from goncordia.sessions import Claim, Claims
from goncordia.statements import Op, Row, Statement, ask

from goncordia_postgres import record, rows
from goncordia_postgres import statements as sql
from goncordia_postgres.env import Env
from goncordia_postgres.floors import Floors, is_slow

_Rest = tuple[int, int, datetime | None, datetime]


def claim(env: Env, claim: Claim, named: set[str], floors: Floors) -> Op[Claims]:
    """Take what is wanted, less what the token holds already.

    `named` are queues that the store is known to remember.
    """
    jobs = (yield from _held(claim)) if claim.resend else []
    wants = _less(claim.wants, jobs)
    if floors.plenty and wants:
        answer = yield from _take_plenty(env, claim, wants, floors)
    else:
        answer = yield from _take(env, claim, wants, floors)
    if jobs or len(wants) < len(claim.wants):
        yield from _look(env, claim, answer)
    if jobs or len(wants) > 1 or len(answer.jobs) > 1:
        answer.jobs = sorted(jobs + answer.jobs, key=_order)
    if new := {job.queue for job in answer.jobs} - named:
        yield from record.name_queues(sorted(new))
        named |= new
    return answer


def _take_plenty(env: Env, claim: Claim, wants: Mapping[str, int], floors: Floors) -> Op[Claims]:
    """Expect all of it; where that fails, ask again for the rest and how things stand."""
    begun = time.monotonic()
    params = (claim.session, claim.token, list(wants), list(wants.values()), env.now)
    reply = yield Statement(sql.CLAIM_PLENTY, params)
    jobs = [rows.claimed(row, claim.token) for row in reply.rows]
    rest = _less(wants, jobs) if len(jobs) < sum(wants.values()) else {}
    if not rest:
        floors.plenty = not is_slow(time.monotonic() - begun, len(jobs))
        return Claims(jobs, more=True)
    answer = yield from _take(env, claim, rest, floors)
    answer.jobs += jobs
    answer.more = answer.more or len(rest) < len(wants)
    return answer


def _take(env: Env, claim: Claim, wants: Mapping[str, int], floors: Floors) -> Op[Claims]:
    begun = time.monotonic()
    lowest = floors.ask(wants) if env.now is None else None  # a told time may go anywhere
    counts = list(wants.values())
    params = (claim.session, claim.token, list(wants), counts, env.now, lowest)
    reply = yield Statement(sql.CLAIM, params)
    answer, now = _read(claim, reply.rows)
    if env.now is None:
        seconds = time.monotonic() - begun
        floors.learn(wants, answer.jobs, now, seconds, full=lowest is None)
    else:
        floors.plenty = len(answer.jobs) == sum(counts)
    return answer


def _less(wants: Mapping[str, int], jobs: Sequence[ClaimedJob]) -> dict[str, int]:
    """What is wanted beyond those jobs."""
    had = Counter(job.queue for job in jobs)
    return {queue: n - had[queue] for queue, n in wants.items() if n > had[queue]}


def _read(claim: Claim, found: Sequence[Row]) -> tuple[Claims, datetime]:
    """The jobs and what the last row says of the rest; and now."""
    *taken, last = found
    alive, full, next_at, now = cast("_Rest", (last[3], last[8], last[9], last[10]))
    if not alive:
        raise SessionLost(f"session {claim.session} is dead or unknown: join again")
    token = claim.token
    answer = Claims([rows.claimed(row, token) for row in taken], more=bool(full))
    if next_at is not None:
        answer.next_due_in = (next_at - now).total_seconds()
    return answer, now


def _look(env: Env, claim: Claim, answer: Claims) -> Op[None]:
    """What is left, where that does not follow from what was taken."""
    params = (list(claim.wants), env.now)
    [(answer.more, next_at, now)] = yield from ask(sql.LOOK, params, _outlook)
    answer.next_due_in = None if next_at is None else (next_at - now).total_seconds()


def _held(claim: Claim) -> Op[list[ClaimedJob]]:
    """What the token holds already."""
    params = (claim.session, claim.token)
    return (yield from ask(sql.HELD, params, lambda row: rows.claimed(row, claim.token)))


def _outlook(row: Row) -> tuple[bool, datetime | None, datetime]:
    return cast("tuple[bool, datetime | None, datetime]", row)


def _order(job: ClaimedJob) -> tuple[int, object, int]:
    return (-job.priority, job.run_at, job.id.int)
