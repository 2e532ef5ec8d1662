"""Makers of what the tests say to a driver."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from uuid import UUID

from goncordia.ids import uuid7
from goncordia.jobs import (
    AttemptError,
    ClaimedJob,
    Conflict,
    Hold,
    JobRow,
    NewJob,
    Outcome,
    UniqueKey,
    cancelled,
    discarded,
    failed,
    snoozed,
)
from goncordia.memory import STRONG, MemoryDriver, Store
from goncordia.sessions import Claim, Claims, WorkerInfo

NOW = datetime(2026, 1, 1, tzinfo=UTC)
TTL = timedelta(seconds=60)


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def new(kind: str = "k", **fields) -> NewJob:
    return NewJob(uuid7(), kind, b"{}", **fields)


def key(name: str, hold: Hold = Hold.LIVE, on_conflict: Conflict = Conflict.SKIP) -> UniqueKey:
    return UniqueKey(sha256(name.encode()).digest(), hold, on_conflict)


def error(attempt: int = 1, message: str = "boom") -> AttemptError:
    return AttemptError(attempt, NOW, "ValueError", message)


def weaker(**promises) -> MemoryDriver:
    return MemoryDriver(capabilities=dataclasses.replace(STRONG, **promises))


def row_of(store: Store, id: UUID, now: datetime = NOW) -> JobRow:
    """The row, which has to be there."""
    [row] = store.get([id], now)
    assert row is not None
    return row


class Worker:
    """A session and the claims that it makes."""

    def __init__(self, store: Store, now: datetime = NOW) -> None:
        self.store = store
        self.session = store.join(WorkerInfo("w"), TTL, now).id

    def claim(
        self,
        n: int = 1,
        queue: str = "default",
        *,
        now: datetime = NOW,
        token: UUID | None = None,
        resend: bool = False,
    ) -> Claims:
        return self.store.claim(Claim(token or uuid7(), self.session, {queue: n}, resend), now)

    def take(self, n: int = 1, queue: str = "default", *, now: datetime = NOW) -> list[ClaimedJob]:
        return self.claim(n, queue, now=now).jobs

    def one(self, *, now: datetime = NOW) -> ClaimedJob:
        [job] = self.take(now=now)
        return job


def fails(job: ClaimedJob) -> Outcome:
    return failed(job, error(), at(5))


def fails_and_is_due(job: ClaimedJob) -> Outcome:
    return failed(job, error(), at(-1))


def is_discarded(job: ClaimedJob) -> Outcome:
    return discarded(job, error())


def is_cancelled(job: ClaimedJob) -> Outcome:
    return cancelled(job, error())


def snoozes(job: ClaimedJob) -> Outcome:
    return snoozed(job, at(5))
