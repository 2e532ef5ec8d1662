"""Claiming due jobs for a session."""

from __future__ import annotations

from goncordia.errors import SessionLost
from goncordia.jobs import ClaimedJob
from goncordia.lifecycle import Event, State
from goncordia.memory.law import must
from goncordia.memory.line import Line
from goncordia.memory.moment import Moment
from goncordia.memory.session import Holding
from goncordia.memory.table import Table
from goncordia.sessions import Claim, Claims

_CLAIM = must(Event.CLAIM, State.AVAILABLE)
_MICROS = 1_000_000


def claim(table: Table, claim: Claim, moment: Moment) -> Claims:
    """Take what is wanted, less what the token holds already."""
    lease = table.leases.get(claim.session)
    if lease is None or not lease.alive:
        raise SessionLost(f"session {claim.session} is dead or unknown: join again")
    table.surface(moment.micros)
    holding = lease.claims.get(claim.token) or Holding(lease, claim.token)
    jobs = [table.rows[num].claimed(claim.token) for num in holding.jobs]
    held = [job.queue for job in jobs]
    answer = Claims(jobs)
    for queue, n in claim.wants.items():
        line = table.lines.get(queue)
        if line is not None and line.paused_at is None:
            line.advance(table.rows, moment.micros)
            jobs += _take(table, line, n - held.count(queue), holding, moment)
            _look_ahead(table, line, moment, answer)
    if holding.jobs:
        lease.claims[claim.token] = holding
    return answer


def _take(table: Table, line: Line, n: int, holding: Holding, moment: Moment) -> list[ClaimedJob]:
    taken = line.take(table.rows, table.locks, moment.micros, n)
    jobs: list[ClaimedJob] = []
    for record in taken:
        record.state = record.seen = _CLAIM.target
        record.attempt += _CLAIM.attempt
        record.attempted_at = moment.at
        record.cancel_requested = False
        record.holding = holding
        holding.jobs[record.id.int] = None
        line.kinds[record.kind] -= 1
        jobs.append(record.claimed(holding.token))
    line.counts[State.AVAILABLE] -= len(taken)
    line.counts[_CLAIM.target] += len(taken)
    return jobs


def _look_ahead(table: Table, line: Line, moment: Moment, answer: Claims) -> None:
    """Whether the line has more, and when next."""
    if line.first(table.rows, table.locks, moment.micros) is not None:
        answer.more = True
    at = line.next_at(table.rows, table.locks)
    if at is not None:
        seconds = (at - moment.micros) / _MICROS
        sooner = answer.next_due_in is None or seconds < answer.next_due_in
        answer.next_due_in = seconds if sooner else answer.next_due_in
