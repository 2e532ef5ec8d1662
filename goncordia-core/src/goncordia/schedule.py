"""When something is to happen again and again: each schedule answers its next tick.

A schedule is a fixed set of instants, and `next(after)` the first of them later than `after`. It
keeps nothing, so that every process answers the same.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Protocol

from goncordia.clock import EPOCH, as_utc
from goncordia.errors import InvalidArgument

_SECOND = timedelta(seconds=1)
WALK = 1000
"""Ticks that are gone through one by one; behind more of them the way is cut short."""


class Schedule(Protocol):
    """What answers the next tick: `Every`, `Cron`, `ScheduleFunc`, or an object of yours."""

    def next(self, after: datetime) -> datetime | None:
        """The first tick later than `after`; aware. None: there is none any more."""
        ...


@dataclass(frozen=True, slots=True)
class Every:
    """Each so often, counted from 1970 in UTC: `Every(timedelta(hours=6))` is 0, 6, 12, 18 h.

    `period` and `offset`, by which the ticks are moved, are timedeltas or seconds. A period is at
    least a second. Raises `InvalidArgument`.
    """

    period: timedelta | float
    offset: timedelta | float = 0.0

    def __post_init__(self) -> None:
        """Refuse what would spin."""
        if _span(self.period, "period") < _SECOND:
            raise InvalidArgument(f"period={self.period!r}: use a second or more")
        _span(self.offset, "offset")

    def next(self, after: datetime) -> datetime:
        """The first tick later than `after`, in UTC."""
        period, start = _span(self.period, "period"), EPOCH + _span(self.offset, "offset")
        return start + ((as_utc(after, "after") - start) // period + 1) * period

    def __str__(self) -> str:
        """As in `every 6:00:00`."""
        offset = _span(self.offset, "offset")
        return f"every {_span(self.period, 'period')}" + (f" + {offset}" if offset else "")


def _span(value: timedelta | float, name: str) -> timedelta:
    try:
        return value if isinstance(value, timedelta) else timedelta(seconds=value)
    except (OverflowError, ValueError, TypeError) as error:
        raise InvalidArgument(f"{name}={value!r}: use a timedelta or seconds") from error


@dataclass(frozen=True, slots=True)
class ScheduleFunc:
    """A schedule made of a function of `after`, which answers as `Schedule.next` does.

    It must depend on `after` alone: two processes that ask the same have to be answered the same,
    or a tick would be doubled.
    """

    function: Callable[[datetime], datetime | None]

    def next(self, after: datetime) -> datetime | None:
        """What the function answers."""
        return self.function(after)

    def __str__(self) -> str:
        """The function's name."""
        return str(getattr(self.function, "__qualname__", repr(self.function)))


def following(schedule: Schedule, after: datetime) -> datetime | None:
    """The next tick, in UTC; raises `InvalidArgument` for one that is naive or not later."""
    tick = schedule.next(after)
    if tick is None:
        return None
    tick = as_utc(tick, f"tick of {schedule}")
    if tick <= after:
        raise InvalidArgument(f"{schedule} answers {tick} as its next tick after {after}")
    return tick


def ticks_due(schedule: Schedule, after: datetime, now: datetime, most: int) -> list[datetime]:
    """The last ticks, at most so many, of those later than `after` and not later than `now`.

    However long nobody looked, it takes a bounded number of steps: behind a thousand ticks it
    looks for the last ones from `now` backwards, in spans that double.
    """
    walked = list(islice(_walk(schedule, after, now), max(WALK, most) + 1))
    if len(walked) <= max(WALK, most):
        return walked[-most:]
    span, found = _SECOND, deque[datetime](maxlen=most)
    while len(found) < most:
        found = deque(_walk(schedule, max(after, now - span), now), maxlen=most)
        span *= 2
    return list(found)


def _walk(schedule: Schedule, after: datetime, until: datetime) -> Iterator[datetime]:
    tick = following(schedule, after)
    while tick is not None and tick <= until:
        yield tick
        tick = following(schedule, tick)
