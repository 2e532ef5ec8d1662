"""Worker sessions, and the claims under which they hold jobs."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from goncordia.sessions import Session, WorkerInfo


class Lease:
    """A session as the store keeps it."""

    __slots__ = ("alive", "beat_at", "claims", "id", "joined_at", "ttl", "worker")

    def __init__(self, id: UUID, worker: WorkerInfo, ttl: timedelta, now: datetime) -> None:
        self.id = id
        self.worker = worker
        self.ttl = ttl
        self.joined_at = now
        self.beat_at = now
        self.alive = True
        self.claims: dict[UUID, Holding] = {}

    def silent(self, now: datetime, observed: timedelta | None) -> bool:
        """Whether it may be declared dead by who watched it for that long (None: long enough)."""
        silence = now - self.beat_at
        return (silence if observed is None else min(silence, observed)) >= self.ttl

    def shown(self) -> Session:
        """As anyone may see it."""
        return Session(self.id, self.worker, self.ttl, self.joined_at, self.beat_at, self.alive)


class Holding:
    """The jobs that a session holds under one claim's token."""

    __slots__ = ("jobs", "session", "token")

    def __init__(self, session: Lease, token: UUID) -> None:
        self.session = session
        self.token = token
        self.jobs: dict[int, None] = {}
        """By the ids' integers, in the order of the claim."""

    def take(self, id: int) -> None:
        """Hold one job more."""
        self.jobs[id] = None
        self.session.claims[self.token] = self

    def drop(self, id: int) -> None:
        """Hold one job less; the last one ends the claim."""
        del self.jobs[id]
        if not self.jobs:
            del self.session.claims[self.token]
