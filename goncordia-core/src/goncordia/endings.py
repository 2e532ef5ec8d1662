"""Waiting for jobs to end: looks at bounded batches of ids, with pauses that grow.

No store tells that a job ended, so whoever waits looks: a hundredth of a second after the first
look at the soonest, and at most once in the time that the driver's pools let pass between theirs
(`habits.poll`). A look costs one read by id, however long the queue is.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Iterable
from uuid import UUID

import msgspec

from goncordia.answers import Filter
from goncordia.clock import Clock
from goncordia.errors import JobFailed, JobNotFound, WaitTimeout
from goncordia.jobs import JobRow
from goncordia.lifecycle import ENDED, State
from goncordia.requests import Op, Store, Wait, insist

FIRST, GROWTH = 0.02, 1.5
"""Seconds of the first pause; by how much each is longer than the one before."""


class Ended(msgspec.Struct, frozen=True):
    """A job that ended."""

    id: UUID
    row: JobRow | None
    """As it ended; None: it is gone, pruned or deleted before anybody looked."""

    @property
    def succeeded(self) -> bool:
        """Whether it is completed."""
        return self.row is not None and self.row.state is State.COMPLETED


class Patience:
    """The pauses between looks, and the end of them."""

    def __init__(self, clock: Clock, timeout: float | None, longest: float) -> None:
        """`timeout` and `longest`, of a pause, in seconds."""
        self._clock = clock
        self._timeout = timeout
        self._longest = longest
        self._began = clock.monotonic()
        self._waited = 0.0
        self._next = FIRST

    def hope(self) -> None:
        """Something happened: look again soon."""
        self._next = FIRST

    def pause(self) -> Op[bool]:
        """Let time pass; False where none is left."""
        seconds = min(self._next, self._longest)
        self._next = seconds * GROWTH
        seconds *= random.uniform(0.75, 1.0)
        if self._timeout is not None:
            # a blocking client waits in real time, which a mock clock does not show
            gone = max(self._clock.monotonic() - self._began, self._waited)
            if gone >= self._timeout:
                return False
            seconds = min(seconds, self._timeout - gone)
        self._waited += seconds
        yield Wait(seconds)
        return True


class Endings:
    """Jobs that somebody waits for, of which each look takes up the next batch."""

    def __init__(self, ids: Iterable[UUID], clock: Clock, patience: Patience, batch: int) -> None:
        """Nothing looked at yet."""
        self._open = deque(dict.fromkeys(ids))
        self._clock = clock
        self._patience = patience
        self._batch = batch
        self._fresh = len(self._open)
        """How many were never looked at: these need no pause."""

    def __bool__(self) -> bool:
        """Whether any are still waited for."""
        return bool(self._open)

    def next(self) -> Op[list[Ended]]:
        """Those that ended next, at least one; raises `WaitTimeout`."""
        while True:
            if self._fresh <= 0 and not (yield from self._patience.pause()):
                raise WaitTimeout(tuple(self._open))
            ended = yield from self._look()
            if ended:
                self._patience.hope()
                return ended

    def _look(self) -> Op[list[Ended]]:
        size = min(self._batch, len(self._open))
        ids = [self._open[n] for n in range(size)]
        rows = yield from insist(Store.get, ids, now=self._clock.told())
        ended: list[Ended] = []
        for each, row in zip(ids, rows, strict=True):
            self._open.popleft()
            if row is None or row.state in ENDED:
                ended.append(Ended(each, row))
            else:
                self._open.append(each)
        self._fresh -= size
        return ended


def completion(endings: Endings) -> Op[JobRow]:
    """The one job, completed; raises `JobNotFound`, `JobFailed`, `WaitTimeout`."""
    [ended] = yield from endings.next()
    if ended.row is None:
        raise JobNotFound(ended.id)
    if not ended.succeeded:
        raise JobFailed(ended.row)
    return ended.row


def found(where: Filter, clock: Clock, batch: int) -> Op[list[UUID]]:
    """The ids of all jobs that the filter finds."""
    ids: list[UUID] = []
    cursor = None
    while True:
        page = yield from insist(Store.list, where, cursor=cursor, limit=batch, now=clock.told())
        ids += [row.id for row in page.rows]
        cursor = page.cursor
        if cursor is None:
            return ids
