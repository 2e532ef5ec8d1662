"""Looking: jobs, pages, queues."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence
from typing import Self
from uuid import UUID

from goncordia.answers import Filter, Page, Queue, QueueChange
from goncordia.clock import to_micros
from goncordia.errors import InvalidArgument
from goncordia.jobs import JobRow
from goncordia.options import check_queue

from goncordia_dynamo import keys
from goncordia_dynamo.large import fill
from goncordia_dynamo.moment import Moment
from goncordia_dynamo.record import Record, record_of
from goncordia_dynamo.store import Line, Store
from goncordia_dynamo.values import Item, number, string

PART = 25
"""So many jobs of each partition are read at first for a list, then ten times as many."""


async def get(store: Store, ids: Sequence[UUID], moment: Moment) -> list[JobRow | None]:
    """The jobs with these ids."""
    found = await store.table.get_many([store.layout.job(each) for each in ids])
    records = [None if item is None else record_of(item) for item in found]
    await fill(store, [record.job for record in records if record is not None and record.large])
    return [None if record is None else _shown(record, moment) for record in records]


def _shown(record: Record, moment: Moment) -> JobRow:
    record.job.state = moment.state(record)
    return record.job


async def page(store: Store, where: Filter, cursor: str | None, limit: int, moment: Moment) -> Page:
    """A page, newest id first; the cursor is the last id shown."""
    if limit < 1:
        raise InvalidArgument(f"limit={limit}: use 1 or more")
    found: list[Record] = []
    async for item in Everything(store, _before(cursor)):
        record = record_of(item)
        if _matches(where, record, moment):
            found.append(record)
            if len(found) > limit:
                break
    await fill(store, [record.job for record in found[:limit] if record.large])
    rows = [_shown(record, moment) for record in found[:limit]]
    return Page(rows, rows[-1].id.hex if len(found) > limit else None)


def _before(cursor: str | None) -> UUID | None:
    try:
        return None if cursor is None else UUID(hex=cursor)
    except ValueError as error:
        raise InvalidArgument(f"cursor={cursor!r}: use the cursor of a page") from error


def _matches(where: Filter, record: Record, moment: Moment) -> bool:
    job = record.job
    return (
        (not where.states or moment.state(record) in where.states)
        and (not where.kinds or job.kind in where.kinds)
        and (not where.queues or job.queue in where.queues)
        and set(where.tags) <= set(job.tags)
    )


class Everything:
    """The items of all jobs, newest id first, of those below `before`; an async iterator."""

    def __init__(self, store: Store, before: UUID | None = None) -> None:
        self._store = store
        self._before = before
        self._ages: list[str] | None = None
        """Those that are not read yet, the oldest first."""
        self._parts: list[_Part] = []
        self._heap: list[tuple[int, int]] = []

    def __aiter__(self) -> Self:
        """Itself."""
        return self

    async def __anext__(self) -> Item:
        """The next one."""
        while not self._heap:
            await self._next_age()
        _, n = heapq.heappop(self._heap)
        part = self._parts[n]
        item = part.items.pop()
        while not part.items and part.more:
            await part.read()
        self._note(n)
        return item

    async def _next_age(self) -> None:
        if self._ages is None:
            last = "~" if self._before is None else keys.age(self._before)
            self._ages = [age for age in await self._store.ages() if age <= last]
        if not self._ages:
            raise StopAsyncIteration
        names = self._store.layout.partitions(self._ages.pop())
        self._parts = [_Part(self._store, name, self._before) for name in names]
        await self._store.table.abreast(_Part.read, self._parts)
        for n in range(len(names)):
            self._note(n)

    def _note(self, n: int) -> None:
        if self._parts[n].items:
            newest = int(string(self._parts[n].items[-1]["sk"]), 16)
            heapq.heappush(self._heap, (-newest, n))


class _Part:
    """A partition, read page by page."""

    def __init__(self, store: Store, name: str, before: UUID | None) -> None:
        self._store = store
        self._name = name
        self._before = None if before is None else before.hex
        self._limit = PART
        self.items: list[Item] = []
        """Read and not taken yet, the newest last."""
        self.more = True

    async def read(self) -> None:
        """Read on."""
        page = await self._store.table.query(
            self._name, before=self._before, newest=True, limit=self._limit
        )
        self.more = page.after is not None
        if page.items:
            self._before = string(page.items[-1]["sk"])
        self.items = page.items[::-1]
        self._limit = min(self._limit * 10, 1000)


async def queues(store: Store, change: QueueChange | None, moment: Moment) -> list[Queue]:
    """Pause or resume, then show all."""
    store.forget_lines()
    if change is not None:
        place = keys.queue(check_queue(change.name))
        if change.paused:
            since = number(to_micros(moment.now))
            text = "SET paused = if_not_exists(paused, :now)"
            await store.table.update(place, text, {":now": since})
        else:
            await store.table.update(place, "REMOVE paused", {})
    return _queues((await store.lines()).values())


def _queues(lines: Iterable[Line]) -> list[Queue]:
    return sorted((Queue(line.name, line.paused_at) for line in lines), key=lambda q: q.name)
