"""Enqueues the jobs of schedules, each tick once, however many processes do it at once.

A tick's job is inserted under an id that follows from the schedule's name and the tick; then the
schedule's cursor, a value in the store, is moved past the tick by comparison. Whoever dies in
between leaves a tick that another inserts again and is answered `existing`.

There is no need for a leader, then. To spare the store, one goes first and the others look a little
later, when there is nothing left to do.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Never
from uuid import UUID

import msgspec

from goncordia.clock import EPOCH, Clock
from goncordia.codec import PAYLOAD_LIMIT
from goncordia.driver import Driver
from goncordia.enqueue import LATEST
from goncordia.errors import CapabilityMissing, ScheduleError
from goncordia.jobs import NewJob
from goncordia.lifecycle import LIVE
from goncordia.middleware import Enqueuing, enqueuing
from goncordia.periodic import Overlap, Periodic, Schedules
from goncordia.schedule import following, ticks_due

log = logging.getLogger("goncordia.periodic")

SLACK = 2.0
"""Seconds by which others come after the one that goes first, give or take their jitter."""
GRACE = timedelta(minutes=1)
"""A tick that is longer ago was missed."""
RETRY = timedelta(minutes=1)
"""Until a schedule that raised is asked again."""


class Cursor(msgspec.Struct, frozen=True):
    """How far a schedule has come: what the store keeps under its name, as JSON."""

    at: datetime
    """All ticks up to this instant are dealt with."""
    last: datetime | None = None
    """The last tick that enqueued a job."""
    job: UUID | None = None
    """That job."""
    owed: bool = False
    """Whether the job of the start, whose tick is `at`, is still to be enqueued."""


def key_of(name: str) -> str:
    """The key of a schedule's cursor in the store."""
    return f"schedule:{name}"


async def read_cursor(driver: Driver[Never], name: str) -> Cursor | None:
    """How far a schedule has come; None: no scheduler has ever had it."""
    cas = await driver.compare_and_set(key_of(name), None, None)
    return None if cas.current is None else msgspec.json.decode(cas.current, type=Cursor)


def next_tick(entry: Periodic, cursor: Cursor) -> datetime | None:
    """The first tick that is not dealt with; None: there is none any more.

    Raises `ScheduleError`.
    """
    if cursor.owed:
        return cursor.at
    with _answering(entry):
        return following(entry.schedule, cursor.at)


class Line:
    """One schedule, as a scheduler knows it."""

    def __init__(
        self,
        entry: Periodic,
        driver: Driver[Never],
        clock: Clock,
        leads: Callable[[], bool],
        limit: int,
        layers: Sequence[Enqueuing],
    ) -> None:
        """Knows nothing yet."""
        self._layers = layers
        self._entry = entry
        self._driver = driver
        self._clock = clock
        self._leads = leads
        self._limit = limit
        self._won = False
        self._looked = False
        self._tick = EPOCH
        self._slack = timedelta()

    async def turn(self) -> None:
        """Do what is due.

        Raises `Unavailable`. What the application's own functions raise is logged, and asked again
        after a minute.
        """
        now = self._clock.now()
        if now < self.look_at(now):
            return
        try:
            self._tick = await self._look(now)
        except ScheduleError as error:
            log.exception("schedule %r waits", error.name, exc_info=error.__cause__)
            self._tick = now + RETRY
        self._slack = timedelta(seconds=SLACK * random.uniform(0.5, 1.5))

    def look_at(self, now: datetime) -> datetime:
        """When there may be something to do: at the tick; for those that come later, after it."""
        return self._tick if now < self._tick or self._first else self._tick + self._slack

    async def _look(self, now: datetime) -> datetime:
        """Enqueue what is due; when there is more to do."""
        held = await self._read(now)
        cursor = msgspec.json.decode(held, type=Cursor)
        if self._looked or self._first:
            ticks = self._due(cursor, now)
            if ticks:
                cursor = await self._enqueue(held, cursor, ticks, now)
        self._looked = True
        return max(next_tick(self._entry, cursor) or LATEST, now)

    @property
    def _first(self) -> bool:
        return self._won or self._leads()

    async def _read(self, now: datetime) -> bytes:
        """The cursor; a schedule that is seen for the first time starts from now."""
        start = msgspec.json.encode(Cursor(now, owed=self._entry.run_on_start))
        return await self._set(None, start)

    async def _set(self, expected: bytes | None, value: bytes) -> bytes:
        cas = await self._driver.compare_and_set(
            key_of(self._entry.name), expected, value, now=self._clock.told()
        )
        self._won = cas.won or (expected is None and self._won)
        return value if cas.current is None else cas.current

    def _due(self, cursor: Cursor, now: datetime) -> list[datetime]:
        if cursor.owed:
            return [cursor.at]
        with _answering(self._entry):
            return ticks_due(self._entry.schedule, cursor.at, now, max(self._entry.catch_up, 1))

    async def _enqueue(
        self, held: bytes, cursor: Cursor, ticks: Sequence[datetime], now: datetime
    ) -> Cursor:
        """Insert first, then move the cursor: the order that loses no tick."""
        if not self._entry.catch_up and now - ticks[-1] > GRACE:
            ticks, wanted = ticks[-1:], []
        else:
            wanted = [(tick, self._new_job(tick)) for tick in ticks]
        if wanted and self._entry.overlap is Overlap.SKIP:
            wanted = [] if await self._overlaps(cursor, wanted[0][1]) else wanted[:1]
        for start in range(0, len(wanted), self._driver.habits.batch):
            batch = [job for _, job in wanted[start : start + self._driver.habits.batch]]
            with enqueuing(self._layers, batch, None):
                await self._driver.insert(batch, now=self._clock.told())
        last, job = (wanted[-1][0], wanted[-1][1].id) if wanted else (cursor.last, cursor.job)
        moved = msgspec.json.encode(Cursor(ticks[-1], last, job))
        return msgspec.json.decode(await self._set(held, moved), type=Cursor)

    def _new_job(self, tick: datetime) -> NewJob:
        driver = self._driver

        def mint(kind: str, queue: str, at: datetime, seed: bytes) -> UUID:
            return driver.new_id(kind, queue, at=at, seed=seed)

        with _answering(self._entry):
            job = self._entry.new_job(tick, mint, self._limit)
            if job.unique and not driver.capabilities.unique:
                raise CapabilityMissing("unique", f"{driver.name} can't keep unique jobs apart")
        return job

    async def _overlaps(self, cursor: Cursor, job: NewJob) -> bool:
        """Whether the last job lives; not if this tick's own is there, inserted before a crash."""
        own, *others = await self._driver.get(
            [job.id, *self._earlier(cursor, job)], now=self._clock.told()
        )
        lives = own is None and any(row and row.state in LIVE for row in others)
        if lives:
            log.info("schedule %s skips a tick: the last job lives", self._entry.name)
        return lives

    def _earlier(self, cursor: Cursor, job: NewJob) -> set[UUID]:
        """The last job, and the one that somebody may have inserted who died over it."""
        tick = next_tick(self._entry, cursor)
        unsaid = job if tick is None else self._new_job(tick)
        return {each for each in (cursor.job, unsaid.id) if each not in (None, job.id)}


@contextmanager
def _answering(entry: Periodic) -> Generator[None]:
    """What the application's own functions raise is a `ScheduleError`."""
    try:
        yield
    except Exception as error:
        raise ScheduleError(entry.name, error) from error


class Scheduler:
    """Sees to all schedules of an application."""

    def __init__(
        self,
        driver: Driver[Never],
        schedules: Schedules,
        clock: Clock,
        *,
        leads: Callable[[], bool] = lambda: True,
        limit: int = PAYLOAD_LIMIT,
        layers: Sequence[Enqueuing] = (),
    ) -> None:
        """`leads` tells who goes first; `limit` is the payload limit in bytes.

        `layers` wrap each insert, the first one outermost.
        """
        self._clock = clock
        self._lines = [Line(entry, driver, clock, leads, limit, layers) for entry in schedules]

    async def turn(self) -> float:
        """Enqueue what is due; the seconds until something can be due again.

        Raises `Unavailable`; the next turn goes on where this one ended.
        """
        for line in self._lines:
            await line.turn()
        now = self._clock.now()
        look_at = min((line.look_at(now) for line in self._lines), default=LATEST)
        return max((look_at - now).total_seconds(), 0.0)
