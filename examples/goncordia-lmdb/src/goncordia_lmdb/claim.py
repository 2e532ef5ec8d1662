"""Claiming due jobs for a session."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import islice

import msgspec
from goncordia.answers import Queue
from goncordia.errors import SessionLost
from goncordia.jobs import ClaimedJob
from goncordia.lifecycle import Event, Facts, decide
from goncordia.sessions import Claim, Claims

from goncordia_lmdb import keys
from goncordia_lmdb.sessions import find_session
from goncordia_lmdb.table import Record, Table


def claim(table: Table, claim: Claim) -> Claims:
    """Take what is wanted, less what the token holds already."""
    session = find_session(table, claim.session)
    if session is None or not session.alive:
        raise SessionLost(f"session {claim.session} is dead or unknown: join again")
    held = sorted(table.held(claim.session.bytes + claim.token.bytes), key=_place)
    count = Counter(record.job.queue for record in held)
    answer = Claims([_claimed(record, claim) for record in held])
    ahead: list[datetime] = []
    for queue, n in claim.wants.items():
        if not _paused(table, queue):
            _claim_queue(table, claim, queue, max(n - count[queue], 0), answer)
            ahead += _ahead(table, queue)
    if ahead:
        answer.next_due_in = (min(ahead) - table.now).total_seconds()
    return answer


def _claim_queue(table: Table, claim: Claim, queue: str, n: int, answer: Claims) -> None:
    due = list(islice(_due(table, queue), n + 1))
    answer.more |= len(due) > n
    for place in due[:n]:
        record = table.find(keys.job_id(place))
        rule = record and decide(Event.CLAIM, table.state(record.job), Facts())
        if record and rule:
            table.step(record, rule)
            _hold(table, record, claim)
            answer.jobs.append(_claimed(record, claim))


def _due(table: Table, queue: str) -> Iterator[bytes]:
    """Places of due jobs, in order: those ready, and the dormant ones whose time has come."""
    ready = (place for place, _ in table.scan("ready", keys.queue(queue)))
    return heapq.merge(ready, (place for place, _ in fallen_due(table, queue)))


def fallen_due(table: Table, queue: str) -> Iterator[tuple[bytes, bytes]]:
    """Places and stored states of dormant jobs whose time has come, in order."""
    for rank in keys.RANKS:
        for place, state in table.scan("later", keys.rank(queue, rank)):
            if keys.run_at(place) > table.now:
                break
            yield place, state


def _ahead(table: Table, queue: str) -> Iterator[datetime]:
    """When the first job still to come is due, of each priority."""
    after = keys.instant(table.now + timedelta(microseconds=1))
    for rank in keys.RANKS:
        prefix = keys.rank(queue, rank)
        for place, _ in islice(table.scan("later", prefix, prefix + after), 1):
            yield keys.run_at(place)


def _hold(table: Table, record: Record, claim: Claim) -> None:
    record.token = claim.token
    record.job.session = claim.session
    record.job.attempted_at = table.now
    record.job.cancel_requested = False
    table.put(record)


def _paused(table: Table, queue: str) -> bool:
    found = table.read("queues", queue.encode())
    return found is not None and msgspec.msgpack.decode(found, type=Queue).paused_at is not None


def _place(record: Record) -> tuple[str, bytes]:
    return record.job.queue, keys.place(record.job)


def _claimed(record: Record, claim: Claim) -> ClaimedJob:
    job = record.job
    return ClaimedJob(
        id=job.id,
        token=claim.token,
        kind=job.kind,
        args=job.args,
        version=job.version,
        queue=job.queue,
        priority=job.priority,
        attempt=job.attempt,
        max_attempts=job.max_attempts,
        snoozes=job.snoozes,
        run_at=job.run_at,
        created_at=job.created_at,
        tags=job.tags,
        meta=job.meta,
    )
