"""Lists and their pages."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
from goncordia.actions import Delete
from goncordia.answers import Filter
from goncordia.errors import InvalidArgument
from goncordia.ids import uuid7
from goncordia.lifecycle import State

from goncordia_conformance.bench import Bench
from goncordia_conformance.case import case


@case()
async def is_newest_first(bench: Bench) -> None:
    """Jobs are listed by their ids, the greatest first, whatever their order of insert."""
    jobs = [bench.new() for _ in range(5)]
    await bench.there(*jobs[3:])
    await bench.there(*jobs[:3])
    assert await bench.ids(limit=2) == sorted((job.id for job in jobs), reverse=True)


@case()
async def shows_a_job_that_stays_once(bench: Bench) -> None:
    """Pages neither repeat nor skip, while jobs come and go around them."""
    jobs = [bench.new() for _ in range(9)]
    await bench.there(*jobs)
    shown: list[UUID] = []
    cursor: str | None = None
    gone = sorted(jobs, key=lambda job: job.id)[4]
    for _ in range(20):
        page = await bench.driver.list(Filter(), cursor=cursor, limit=2, now=bench.now)
        shown += [row.id for row in page.rows]
        cursor = page.cursor
        if cursor is None:
            break
        await bench.insert(bench.new())
        await bench.act(Delete(), gone)
    assert cursor is None
    assert len(set(shown)) == len(shown)
    assert {job.id for job in jobs} - {gone.id} <= set(shown)


@case()
async def filters_by_every_part(bench: Bench) -> None:
    """States as visible, kinds, queues, and all of the tags."""
    plain = bench.new()
    other = bench.new(kind="l", queue="q", tags=("x", "y"))
    later = bench.new(run_at=timedelta(seconds=5), tags=("x",))
    await bench.there(plain, other, later)
    for where, wanted in (
        (Filter(states=(State.SCHEDULED,)), {later.id}),
        (Filter(states=(State.SCHEDULED, State.AVAILABLE)), {plain.id, other.id, later.id}),
        (Filter(kinds=("l", "m")), {other.id}),
        (Filter(queues=("q",)), {other.id}),
        (Filter(tags=("x",)), {other.id, later.id}),
        (Filter(tags=("x", "y")), {other.id}),
        (Filter(kinds=("k",), tags=("y",)), set[UUID]()),
    ):
        assert set(await bench.ids(where)) == wanted, where
    bench.wait(5)
    assert set(await bench.ids(Filter(states=(State.SCHEDULED,)))) == set()


@case()
async def shows_what_get_shows(bench: Bench) -> None:
    """A list and a look at one job agree."""
    await bench.running(bench.new(tags=("t",), priority=3))
    page = await bench.driver.list(Filter(), now=bench.now)
    unknown = uuid7()
    ids = [unknown, *(row.id for row in page.rows)]
    assert await bench.driver.get(ids, now=bench.now) == [None, *page.rows]


@case()
async def refuses_nonsense(bench: Bench) -> None:
    """A page of nothing, and a cursor that no page gave."""
    with pytest.raises(InvalidArgument, match="limit"):
        await bench.driver.list(Filter(), limit=0, now=bench.now)
    with pytest.raises(InvalidArgument, match="cursor"):
        await bench.driver.list(Filter(), cursor="no such page", now=bench.now)
