"""What every operation works with: the table, what is known of it, and the claims that are out."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Generator, Iterable, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from time import monotonic
from uuid import UUID

import msgspec
from goncordia.clock import from_micros
from goncordia.retention import Retention

from goncordia_dynamo import keys
from goncordia_dynamo.book import Book
from goncordia_dynamo.moment import Moment
from goncordia_dynamo.table import Table
from goncordia_dynamo.values import Item, Updated, integer, string
from goncordia_dynamo.write import Level

PAST = 4096
"""So many names are kept: of the places that are past an index lags by less."""


class Line(msgspec.Struct, frozen=True):
    """A queue: since when it is paused, and the priorities that its jobs ever had."""

    name: str
    paused_at: datetime | None
    priorities: tuple[int, ...]
    """The most urgent first."""


class Lately:
    """The names that came last, up to `PAST` of them."""

    def __init__(self) -> None:
        self._names: OrderedDict[str, None] = OrderedDict()

    def __contains__(self, name: str) -> bool:
        """Whether it is among them."""
        return name in self._names

    def update(self, names: Iterable[str]) -> None:
        """Add some."""
        for name in names:
            self._names[name] = None
        while len(self._names) > PAST:
            self._names.popitem(last=False)

    def discard(self, name: str) -> None:
        """Take one out, if it is there."""
        self._names.pop(name, None)


class Store:
    """One driver's view of the table.

    What was read of queues and sessions is trusted for `lag`; that there are jobs of some age, or
    of some priority in a queue, is never taken back and so known for good.
    """

    def __init__(self, table: Table, retention: Retention, lag: timedelta) -> None:
        self.table = table
        self.layout = table.layout
        self.retention = retention
        self.book = Book()
        self._lag = lag.total_seconds()
        self._ages: set[str] = set()
        self._levels: set[tuple[str, int]] = set()
        self._lines: Mapping[str, Line] = {}
        self._read_at: float | None = None
        self._seen_alive: dict[UUID, float] = {}
        self.plain = Lately()
        """Ids, in hex, of jobs that this process claimed and that no other items belong to."""
        self._past = Lately()
        self._taking: set[str] = set()
        self._fruitful: set[str] = set()

    def moment(self, now: datetime | None) -> Moment:
        """The instant of an operation."""
        return Moment(self.table.caller.now() if now is None else now, self.retention)

    # Ages.

    async def know_ages(self, ids: Iterable[UUID]) -> None:
        """Note that jobs of these ages exist, before they do, so that a list finds them."""
        for each in ids:
            if (age := keys.age(each)) not in self._ages:
                await self.table.put(keys.age_of(each))
                self._ages.add(age)

    async def ages(self) -> list[str]:
        """The ages of which there may be jobs, the oldest first."""
        return [string(item["sk"]) for item in await self.table.query_all("B")]

    # Queues.

    async def know_levels(self, wanted: Iterable[tuple[str, int]]) -> None:
        """Note that these queues have jobs of these priorities."""
        for queue, priority in set(wanted) - self._levels:
            level = Level(keys.queue(queue), (priority,))
            await self.table.caller.call("UpdateItem", level.update(self.table.name), Updated)
            self._levels.add((queue, priority))
            self._read_at = None

    async def knows_level(self, queue: str, priority: int) -> bool:
        """Whether it is noted that the queue has jobs of this priority."""
        if (queue, priority) not in self._levels:
            lines = await self._read_lines()
            self._levels |= {(line.name, n) for line in lines.values() for n in line.priorities}
        return (queue, priority) in self._levels

    @property
    def strong(self) -> bool:
        """Whether nothing may be known late."""
        return not self._lag

    async def lines(self) -> Mapping[str, Line]:
        """The queues by name, as they were at most `lag` ago."""
        read_at = self._read_at
        if read_at is None or monotonic() - read_at >= self._lag:
            return await self._read_lines(strong=self.strong)
        return self._lines

    async def _read_lines(self, *, strong: bool = True) -> Mapping[str, Line]:
        began = monotonic()
        items = await self.table.query_all("Q", strong=strong)
        self._lines = {line.name: line for line in map(_line, items)}
        self._read_at = began
        return self._lines

    def forget_lines(self) -> None:
        """Read the queues anew the next time."""
        self._read_at = None

    # Places in the index.

    def free(self, place: str) -> bool:
        """Whether something may wait there, as far as this process knows: the index lags."""
        return place not in self._past and place not in self._taking

    @contextmanager
    def taking(self, places: Collection[str]) -> Generator[None]:
        """While a claim tries to take what waits there, others of this process leave it alone."""
        self._taking.update(places)
        try:
            yield
        finally:
            self._taking.difference_update(places)

    def passed(self, places: Iterable[str]) -> None:
        """Nothing waits there any more: a place never repeats."""
        self._past.update(places)

    def fruitful(self, line: str, gave: bool) -> None:
        """What a look into a line of the index found."""
        (self._fruitful.add if gave else self._fruitful.discard)(line)

    def gave(self, line: str) -> bool:
        """Whether the last look into the line found jobs."""
        return line in self._fruitful

    # Sessions.

    def saw_alive(self, session: UUID) -> None:
        """A write of the session's was taken just now."""
        self._seen_alive[session] = monotonic()

    def alive_lately(self, session: UUID) -> bool:
        """Whether the session lived at most `lag` ago."""
        seen = self._seen_alive.get(session)
        return seen is not None and monotonic() - seen < self._lag

    def saw_dead(self, session: UUID) -> None:
        """The session is over."""
        self._seen_alive.pop(session, None)
        self.book.forget(session)


def _line(item: Item) -> Line:
    paused = item.get("paused")
    levels = item.get("levels")
    priorities = sorted(map(int, (levels.ns if levels else None) or ()), reverse=True)
    since = None if paused is None else from_micros(integer(paused))
    return Line(string(item["sk"]), since, tuple(priorities))
