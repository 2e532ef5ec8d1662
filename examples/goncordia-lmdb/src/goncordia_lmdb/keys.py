"""Keys that sort as the contract wants its answers ordered."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from goncordia.clock import from_micros, to_micros
from goncordia.jobs import PRIORITIES, JobRow

RANKS = range(len(PRIORITIES))
"""0 is the most urgent."""

_SIGN = 1 << 63


def instant(at: datetime) -> bytes:
    """Eight bytes that sort as time does, also before 1970."""
    return (to_micros(at) + _SIGN).to_bytes(8)


def queue(name: str) -> bytes:
    """What all keys of a queue begin with; its end keeps `a` apart from `ab`."""
    return name.encode() + b"\0"


def rank(name: str, of: int) -> bytes:
    """What all keys of a queue and a priority begin with."""
    return queue(name) + bytes([of])


def place(job: JobRow) -> bytes:
    """A job's place in its queue: by priority, then run_at, then id."""
    return rank(job.queue, PRIORITIES.stop - 1 - job.priority) + instant(job.run_at) + job.id.bytes


def run_at(place: bytes) -> datetime:
    """When the job of that place is due."""
    return from_micros(int.from_bytes(place[-24:-16]) - _SIGN)


def job_id(key: bytes) -> UUID:
    """The job's id, in which the keys of every index end."""
    return UUID(bytes=key[-16:])
