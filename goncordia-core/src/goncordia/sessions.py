"""What a worker says to a driver: who it is, that it lives, what it can take; how it is woken."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import Flag, auto
from typing import Protocol
from uuid import UUID

import msgspec

from goncordia.jobs import ClaimedJob


class WorkerInfo(msgspec.Struct, frozen=True):
    """Who joins."""

    name: str
    queues: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    concurrency: int = 1


class Session(msgspec.Struct, frozen=True):
    """A worker's lease on all that it claims; the id is never used again."""

    id: UUID
    worker: WorkerInfo
    ttl: timedelta
    joined_at: datetime
    beat_at: datetime
    alive: bool = True


class Beat(msgspec.Struct, frozen=True):
    """The answer to a beat: whether the session lives, and which of its jobs are to stop."""

    alive: bool
    cancels: tuple[UUID, ...] = ()


class Claim(msgspec.Struct, frozen=True):
    """A request for jobs: so many of each queue, under a token that is never used again."""

    token: UUID
    session: UUID
    wants: Mapping[str, int]
    resend: bool = False


class Claims(msgspec.Struct):
    """Jobs claimed, in order within a queue, and what is known of those left."""

    jobs: list[ClaimedJob]
    more: bool = False
    """More are due; of a queue that gave all that was asked of it it may be assumed."""
    next_due_in: float | None = None
    """Seconds to the next one that falls due, of queues that gave less than was asked of them."""


class Wake(Flag):
    """What a wake-up hints at."""

    JOBS = auto()
    CANCELS = auto()


class Wakeups(Protocol):
    """Hints, never the truth: each may be missed, doubled or late."""

    async def wait(self) -> Wake:
        """Return at the next hint; those that came meanwhile are one."""
        ...
