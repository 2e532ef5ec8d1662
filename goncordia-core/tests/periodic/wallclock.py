"""The slow, obvious model of a cron line: every minute, what does the clock on the wall show?"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class Field:
    """A field of the line, as written, and the numbers that it means."""

    text: str
    numbers: frozenset[int]

    @property
    def star(self) -> bool:
        return self.text.startswith("*")


@dataclass(frozen=True)
class Model:
    minute: Field
    hour: Field
    day: Field
    month: Field
    weekday: Field
    """0 is Sunday."""

    @property
    def line(self) -> str:
        fields = (self.minute, self.hour, self.day, self.month, self.weekday)
        return " ".join(field.text for field in fields)

    def shows(self, wall: datetime) -> bool:
        """Whether the line means this wall time."""
        day = wall.day in self.day.numbers
        weekday = wall.isoweekday() % 7 in self.weekday.numbers
        either = not (self.day.star or self.weekday.star)
        return (
            wall.minute in self.minute.numbers
            and wall.hour in self.hour.numbers
            and wall.month in self.month.numbers
            and ((day or weekday) if either else (day and weekday))
        )

    def ticks(self, zone: ZoneInfo, start: datetime, end: datetime) -> list[datetime]:
        """All ticks later than `start` and not later than `end`."""
        follows = self.minute.star or self.hour.star
        found = []
        seen = self.walls_before(zone, start)
        before = wall_of(start, zone)
        at = start + MINUTE
        while at <= end:
            wall = wall_of(at, zone)
            if follows:
                fires = self.shows(wall)
            else:
                left_out = walls_between(before, wall)
                fires = any(self.shows(each) for each in [*left_out, wall] if each not in seen)
            if fires:
                found.append(at)
            seen.add(wall)
            before = wall
            at += MINUTE
        return found

    def walls_before(self, zone: ZoneInfo, start: datetime) -> set[datetime]:
        """What the clock showed in the day before, and then."""
        return {wall_of(start - minutes * MINUTE, zone) for minutes in range(26 * 60)}


def wall_of(at: datetime, zone: ZoneInfo) -> datetime:
    return at.astimezone(zone).replace(tzinfo=None, fold=0)


def walls_between(before: datetime, wall: datetime) -> list[datetime]:
    """The minutes that the clock leaves out between two that follow each other."""
    count = (wall - before) // MINUTE - 1
    return [before + number * MINUTE for number in range(1, count + 1)]


def changes(zone: ZoneInfo, year: int) -> list[datetime]:
    """The minutes of a year at which the zone's offset is another than the minute before."""
    at, found = datetime(year, 1, 1, tzinfo=UTC), []
    while at.year == year:
        later = at + timedelta(hours=6)
        if at.astimezone(zone).utcoffset() != later.astimezone(zone).utcoffset():
            step = at
            while step.astimezone(zone).utcoffset() == at.astimezone(zone).utcoffset():
                step += MINUTE
            found.append(step)
        at = later
    return found
