"""Lines of cron, on the wall clock of a time zone.

The line is read by `cronsim`, as Debian's cron reads it. Which instants its wall times are, where
summer time begins and ends, is decided here, after the same cron's rules:

* A line whose minute and hour are both said (`30 2 * * *`, `0 9-17 * * *`) fires once for each wall
  time. In the overlap, when a wall time comes twice, the first counts. Wall times that the gap
  leaves out fire at its end, together: 02:30 in the gap from 02:00 to 03:00 fires at 03:00.
* A line whose minute or hour begins with `*` (`*/15 * * * *`, `0 * * * *`) goes by what the clock
  shows: not at all in the gap, and twice in the overlap, so that "every hour" stays every hour.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from goncordia.clock import as_utc
from goncordia.errors import InvalidArgument

_SECOND = timedelta(seconds=1)
_SOME_DAY = datetime(2000, 1, 1)


@dataclass(frozen=True, slots=True)
class Cron:
    """A line of five fields: minute, hour, day of month, month, day of week.

    `Cron("0 9 * * MON-FRI", tz="Europe/Berlin")`. Besides numbers, ranges, lists and steps there
    are names (`MON`, `JAN`), `L` (the last day of the month), `LW` (its last weekday), `5L` (its
    last Friday) and `MON#2` (its second Monday). Where both days are said, either will do. How the
    gap and the overlap of summer time are met is told by the module.

    Raises `InvalidArgument` for a line that can't be read or never fires, and an unknown zone.
    """

    line: str
    tz: str = "UTC"

    def __post_init__(self) -> None:
        """Refuse what never fires."""
        fields = len(self.line.split())
        if fields != 5:
            raise InvalidArgument(
                f"cron line {self.line!r} has {fields} fields: write minute, hour, day of month, "
                "month and day of week; for less than a minute use Every"
            )
        try:
            ZoneInfo(self.tz)
        except (KeyError, ValueError, OSError) as error:
            raise InvalidArgument(
                f"tz={self.tz!r}: there is no such time zone; write one as 'Europe/Berlin' (where "
                "the system has no zones at all: pip install tzdata)"
            ) from error
        try:
            fires = next(CronSim(self.line, _SOME_DAY), None)
        except CronSimError as error:
            raise InvalidArgument(f"cron line {self.line!r}: {error}") from error
        if fires is None:
            raise InvalidArgument(f"cron line {self.line!r} never fires: there is no such day")

    def next(self, after: datetime) -> datetime | None:
        """The first tick later than `after`, in UTC; None: there is none within 50 years."""
        at, zone = as_utc(after, "after"), ZoneInfo(self.tz)
        if self._said:
            return _first(self._said_ticks(at, zone), at)
        streams = (self._shown_ticks(at, zone, fold) for fold in (0, 1))
        firsts = (_first(ticks, at) for ticks in streams)
        return min((tick for tick in firsts if tick is not None), default=None)

    @property
    def _said(self) -> bool:
        """Whether the line names its times, instead of following the clock."""
        minute, hour, *_ = self.line.split()
        return not (minute.startswith("*") or hour.startswith("*"))

    def _said_ticks(self, after: datetime, zone: ZoneInfo) -> Iterator[datetime]:
        """Never falling, from before the first one later than `after`."""
        for wall in CronSim(self.line, _wall(after, zone)):
            tick = _instant(wall, zone, 0)
            yield tick if _wall(tick, zone) == wall else _end_of_gap(wall, zone)

    def _shown_ticks(self, after: datetime, zone: ZoneInfo, fold: int) -> Iterator[datetime]:
        """When the clock shows each wall time for the first (0) or last (1) time; rising."""
        start = _wall(after, zone) - _overlap(after.astimezone(zone))
        for wall in CronSim(self.line, start):
            tick = _instant(wall, zone, fold)
            if _wall(tick, zone) == wall:
                yield tick

    def __str__(self) -> str:
        """As in `0 9 * * MON-FRI Europe/Berlin`."""
        return f"{self.line} {self.tz}"


def _first(ticks: Iterator[datetime], after: datetime) -> datetime | None:
    return next((tick for tick in ticks if tick > after), None)


def _wall(at: datetime, zone: ZoneInfo) -> datetime:
    """What a clock on the wall shows then."""
    return at.astimezone(zone).replace(tzinfo=None, fold=0)


def _instant(wall: datetime, zone: ZoneInfo, fold: int) -> datetime:
    return wall.replace(tzinfo=zone, fold=fold).astimezone(UTC)


def _overlap(local: datetime) -> timedelta:
    """By how much the clock goes back, if it shows this time twice."""
    offsets = [local.replace(fold=fold).utcoffset() or timedelta() for fold in (0, 1)]
    return max(offsets[0] - offsets[1], timedelta())


def _end_of_gap(wall: datetime, zone: ZoneInfo) -> datetime:
    """The instant at which the clock leaves this wall time out.

    In a gap the offset after it (fold 1) names an instant before it, and the other way round.
    """
    early, late = _instant(wall, zone, 1), _instant(wall, zone, 0)
    before = early.astimezone(zone).utcoffset()

    def is_over(seconds: int) -> bool:
        return (early + seconds * _SECOND).astimezone(zone).utcoffset() != before

    return early + bisect_left(range((late - early) // _SECOND), True, key=is_over) * _SECOND
