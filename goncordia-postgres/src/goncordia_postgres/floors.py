"""From where a claim reads on, while dead entries lie at the head of its index.

A transaction that stays open for long anywhere in the database keeps the index entries of all jobs
claimed since, and a claim from the head walks over all of them. So once a claim turns slow, the
next ones begin at what the last one took, level of priority by level, and their cost is flat again.
What can come in below that is looked after in three ways: an insert takes less than `MARGIN`;
whoever puts a job back, or inserts in a transaction of the caller's, says so in its hint as it
commits; and every `REST` seconds, or `COST` times as long as that takes, a claim reads from the
head again.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime, timedelta

from goncordia.jobs import PRIORITIES, ClaimedJob
from goncordia.statements import Scalar

MARGIN = timedelta(seconds=1)
REST = 1.0
COST = 50
"""A claim from the head may cost one part in so many of all the time."""
SLOW, SLOW_PER_JOB = 0.005, 0.00005
"""Seconds that a claim from the head may take without being called slow."""


def is_slow(seconds: float, jobs: int) -> bool:
    """Whether a claim from the head that took so long for so many jobs is called slow."""
    return seconds > SLOW + SLOW_PER_JOB * jobs


_LEVELS = tuple(reversed(PRIORITIES))
_BOTTOM = datetime.min.replace(tzinfo=UTC)


class Floors:
    """What one driver knows of the heads of its queues."""

    def __init__(self) -> None:
        """Nothing is slow."""
        self.plenty = False
        """Whether the last claim was quick and got all that it asked for."""
        self._slow = False
        self._full_at = 0.0
        self._rest = REST
        self._floors: dict[str, dict[int, datetime]] = {}

    def ask(self, queues: Collection[str]) -> list[Scalar] | None:
        """The lowest `run_at` to read, by queue and level of priority; None: from the head."""
        due = time.monotonic() - self._full_at >= self._rest
        if not self._slow or due or not all(queue in self._floors for queue in queues):
            self._floors.clear()
            return None
        return [self._floors[queue].get(p, _BOTTOM) for queue in queues for p in _LEVELS]

    def learn(
        self,
        wants: Mapping[str, int],
        jobs: Iterable[ClaimedJob],
        now: datetime,
        seconds: float,
        *,
        full: bool,
    ) -> None:
        """Note what a claim took, and how long it was."""
        taken: dict[str, list[ClaimedJob]] = {queue: [] for queue in wants}
        for job in jobs:
            taken[job.queue].append(job)
        if full:
            self._full_at = time.monotonic()
            self._rest = max(REST, COST * seconds)
            self._slow = is_slow(seconds, sum(map(len, taken.values())))
        self.plenty = not self._slow and all(len(taken[queue]) == n for queue, n in wants.items())
        if self._slow:
            for queue, n in wants.items():
                self._raise(queue, taken[queue], now, dry=len(taken[queue]) < n)

    def forget(self, queue: str) -> None:
        """Something came in below."""
        self._floors.pop(queue, None)

    def forget_all(self) -> None:
        """Something came in below, nobody knows where."""
        self._floors.clear()

    def _raise(self, queue: str, jobs: Iterable[ClaimedJob], now: datetime, *, dry: bool) -> None:
        floors, settled = self._floors.setdefault(queue, {}), now - MARGIN
        if dry:
            floors.update(dict.fromkeys(_LEVELS, settled))
            return
        for job in jobs:
            reached = min(job.run_at, settled)
            floors[job.priority] = max(reached, floors.get(job.priority, _BOTTOM))
