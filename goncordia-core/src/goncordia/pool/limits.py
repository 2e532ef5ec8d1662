"""At most so many jobs at once of a queue and of a kind."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from datetime import timedelta

from goncordia.clock import Clock
from goncordia.jobs import ClaimedJob
from goncordia.registry import Registry

SOONEST, LATEST = 1.0, 600.0
"""Seconds for which a job is put off whose kind is at its limit."""
AHEAD = 2
"""Jobs that were put off come back so many times faster than they can run: none is missed."""
REMEMBERED = 64
"""The pace of a kind is that of about so many of its last jobs."""


class Places:
    """The places of the jobs of one kind."""

    def __init__(self, clock: Clock, limit: int) -> None:
        """All free."""
        self._clock = clock
        self._limit = limit
        self._taken = 0
        self._since = clock.monotonic()
        self._busy, self._ended = 0.0, 0
        """Seconds that jobs spent in places, and how many ended."""
        self.turn = self._since
        """When the last job comes back that was put off, by the pool's own clock."""

    def enter(self) -> timedelta | None:
        """Take a place; if there is none, for how long to put the job off.

        Those that are put off form a line: each comes back about when those before it have run.
        """
        now = self._count(0)
        if self._taken < self._limit:
            self._taken += 1
            return None
        pace = self._busy / max(self._ended, 1) / self._limit / AHEAD
        self.turn = min(max(self.turn, now + SOONEST) + pace, now + LATEST)
        return timedelta(seconds=self.turn - now)

    def leave(self) -> None:
        """A job has ended."""
        self._count(1)
        self._taken -= 1

    def _count(self, ended: int) -> float:
        now = self._clock.monotonic()
        self._busy += self._taken * (now - self._since)
        self._since = now
        self._ended += ended
        if self._ended > REMEMBERED:
            self._busy, self._ended = self._busy / 2, self._ended // 2
        return now


class Limits:
    """Counts what a pool has claimed and not ended, queue by queue and kind by kind.

    A queue at its limit is not claimed from. No claim can pass over a kind, so a job whose kind is
    at its limit is put off: snoozed, with its attempt given back. Where all kinds of a queue have
    limits none needs to be: the queue is asked for no more than they let in.
    """

    def __init__(self, clock: Clock, queues: Mapping[str, float], kinds: Mapping[str, int]) -> None:
        """Nothing claimed; `queues` are all of the pool, `math.inf` where there is no limit."""
        self._clock = clock
        self._rooms = dict(queues)
        self._kinds = {kind: Places(clock, limit) for kind, limit in kinds.items()}
        self.needed = bool(self._kinds) or any(map(math.isfinite, self._rooms.values()))
        """Whether there are any."""

    def room(self, queue: str) -> float:
        """How many more jobs of the queue may be claimed."""
        return self._rooms[queue]

    @property
    def most(self) -> float:
        """How many more jobs may be claimed in all."""
        return sum(self._rooms.values()) if self.needed else math.inf

    @property
    def putting_off(self) -> bool:
        """Whether jobs that were put off have yet to come back."""
        now = self._clock.monotonic()
        return any(places.turn > now for places in self._kinds.values())

    def enter(self, job: ClaimedJob) -> timedelta | None:
        """Count a claimed job; if its kind is at its limit, for how long to put it off."""
        if self.needed:
            places = self._kinds.get(job.kind)
            wait = places and places.enter()
            if wait is not None:
                return wait
            self._rooms[job.queue] -= 1
        return None

    def leave(self, job: ClaimedJob) -> bool:
        """Count an ended job; whether its queue was closed, and may be claimed from again."""
        if not self.needed:
            return False
        places = self._kinds.get(job.kind)
        if places is not None:
            places.leave()
        self._rooms[job.queue] += 1
        return self._rooms[job.queue] == 1


def rooms(
    queues: Iterable[str],
    limits: Mapping[str, int],
    kinds: Mapping[str, int],
    registry: Registry,
) -> dict[str, float]:
    """How many jobs of each queue at once: its limit, or what the kinds at home there let in."""
    found: dict[str, float] = {}
    for queue in queues:
        home = [w.kind for w in registry if w.args.__goncordia_options__.queue == queue]
        inner = sum(kinds.get(kind, math.inf) for kind in home) if home else math.inf
        found[queue] = min(limits.get(queue, math.inf), inner)
    return found
