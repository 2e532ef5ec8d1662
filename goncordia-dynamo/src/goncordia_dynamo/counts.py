"""Counts and kinds, without reading every job.

What waits is read from the index, what runs from the sessions' logs. No index holds ended jobs:
they are counted in as many partitions as it takes to see a few hundred, and those stand for the
others, since ids fall into partitions by chance.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import partial

from goncordia.answers import Count
from goncordia.clock import from_micros
from goncordia.lifecycle import State, visible

from goncordia_dynamo import keys
from goncordia_dynamo.moment import Moment
from goncordia_dynamo.sessions import held
from goncordia_dynamo.store import Line, Store
from goncordia_dynamo.values import Item, string

ENOUGH = 500
"""So many ended jobs of an age are counted one by one; above it the count is an estimate."""

Counts = Counter[tuple[str, State]]


async def stats(store: Store, queues: Sequence[str], moment: Moment) -> list[Count]:
    """Counts by queue and state, those above zero."""
    lines = (await store.lines()).values()
    counts: Counts = Counter()
    oldest: dict[tuple[str, State], datetime] = {}
    for line in lines:
        if not queues or line.name in queues:
            for item in await _waiting(store, [line]):
                run_at = from_micros(keys.run_at(string(item["gs"])))
                place = line.name, visible(State(string(item["state"])), run_at, moment.now)
                counts[place] += 1
                if run_at <= moment.now:
                    oldest[place] = min(run_at, oldest.get(place, run_at))
    for item in await store.table.query_all("W"):
        counts.update((r.job.queue, r.job.state) for r in await held(store, item))
    for age in await store.ages():
        counts.update(await _ended(store, age))
    return [
        Count(*place, n, "approximate", oldest.get(place))
        for place, n in sorted(counts.items())
        if n and (not queues or place[0] in queues)
    ]


async def _ended(store: Store, age: str) -> Counts:
    """Of all ended jobs of that age."""
    counts: Counts = Counter()
    names = store.layout.partitions(age)
    for n, name in enumerate(names, start=1):
        after: Item | None = None
        while True:
            page = await store.table.ended(name, after)
            counts.update((string(i["queue"]), State(string(i["state"]))) for i in page.items)
            after = page.after
            if after is None:
                break
        if counts.total() >= ENOUGH:
            return Counter({place: k * len(names) // n for place, k in counts.items()})
    return counts


async def kinds(store: Store, limit: int) -> list[str]:
    """Kinds among the waiting jobs."""
    items = await _waiting(store, (await store.lines()).values())
    return sorted({string(item["kind"]) for item in items})[:limit]


async def _waiting(store: Store, lines: Iterable[Line]) -> list[Item]:
    """What the index shows of these queues."""
    names = [
        keys.line(line.name, priority, shard)
        for line in lines
        for priority in line.priorities
        for shard in range(store.layout.shards)
    ]
    found = await store.table.abreast(partial(_whole_line, store), names)
    return [item for items in found for item in items]


async def _whole_line(store: Store, name: str) -> list[Item]:
    page = await store.table.waiting(name)
    items = page.items
    while page.after is not None:
        page = await store.table.waiting(name, after=page.after)
        items += page.items
    return items
