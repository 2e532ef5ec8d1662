"""Counts and kinds."""

from __future__ import annotations

from datetime import datetime, timedelta

from goncordia.actions import Cancel, Delete
from goncordia.answers import Count
from goncordia.jobs import completed

from goncordia_conformance.bench import Bench
from goncordia_conformance.case import case
from goncordia_conformance.observe import oldest


def _places(counts: list[Count]) -> dict[tuple[str, str], int]:
    return {(count.queue, count.state.value): count.n for count in counts}


@case("counts=exact")
async def count_by_queue_and_state(bench: Bench) -> None:
    """Each queue's jobs by their states, none that are zero."""
    _, job = await bench.running()
    await bench.there(bench.new(), bench.new(), bench.new(queue="q", run_at=timedelta(seconds=9)))
    counts = await bench.driver.stats(now=bench.now)
    assert _places(counts) == {
        ("default", "running"): 1,
        ("default", "available"): 2,
        ("q", "scheduled"): 1,
    }
    assert {count.how for count in counts} == {"exact"}
    await bench.finish(completed(job))
    of_one = await bench.driver.stats(("default", "none"), now=bench.now)
    assert _places(of_one) == {("default", "completed"): 1, ("default", "available"): 2}


@case("counts=exact")
async def count_what_fell_due_as_available(bench: Bench) -> None:
    """Counts are as visible: nobody has to move a due job first."""
    await bench.there(bench.new(run_at=timedelta(seconds=9)))
    bench.wait(9)
    assert _places(await bench.driver.stats(now=bench.now)) == {("default", "available"): 1}


@case("counts=exact")
async def say_since_when_the_oldest_is_due(bench: Bench) -> None:
    """The earliest run_at among a queue's due jobs, whatever their priority and state as stored."""
    born = bench.now
    stored_as_due = bench.new(priority=-9)
    fallen_due = bench.new(priority=9, run_at=timedelta(seconds=1))
    await bench.there(stored_as_due, fallen_due, bench.new(queue="q", run_at=timedelta(seconds=9)))
    bench.wait(5)
    newest = bench.new(priority=15)
    await bench.there(newest)
    assert await _oldest(bench) == {"default": born}
    await bench.act(Cancel(), stored_as_due)
    assert await _oldest(bench) == {"default": born + timedelta(seconds=1)}
    await bench.act(Cancel(), fallen_due)
    assert await _oldest(bench) == {"default": bench.now}
    await bench.act(Cancel(), newest)
    assert await _oldest(bench) == {}


async def _oldest(bench: Bench) -> dict[str, datetime | None]:
    return oldest(await bench.driver.stats(now=bench.now))


@case("counts")
async def forget_what_is_gone(bench: Bench) -> None:
    """Deleted jobs are counted no more."""
    job = bench.new()
    await bench.there(job)
    await bench.act(Delete(), job)
    assert await bench.driver.stats(now=bench.now) == []


@case()
async def show_the_kinds_that_wait(bench: Bench) -> None:
    """Kinds of waiting jobs, sorted, each once, at most so many."""
    await bench.there(*(bench.new(kind=kind) for kind in ("c", "a", "b", "a")))
    assert await bench.driver.kinds() == ["a", "b", "c"]
    assert await bench.driver.kinds(2) == ["a", "b"]
    await (await bench.worker()).take(4)
    assert await bench.driver.kinds() == []
