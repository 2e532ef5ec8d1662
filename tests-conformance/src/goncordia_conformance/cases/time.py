"""Time: microseconds, UTC, aware."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from goncordia.clock import utc_now
from goncordia.errors import InvalidArgument
from goncordia.jobs import failed
from goncordia.lifecycle import State

from goncordia_conformance.bench import Bench, error
from goncordia_conformance.case import case

WEST = timezone(timedelta(hours=-8))


@case()
async def comes_back_to_the_microsecond_in_utc(bench: Bench) -> None:
    """Every time is aware, in UTC, and exact."""
    at = datetime(2035, 1, 2, 3, 4, 5, 120_000, tzinfo=WEST)
    job = bench.new(run_at=at)
    await bench.there(job)
    row = await bench.row(job)
    assert (row.run_at, row.created_at) == (at, bench.now)
    assert row.run_at.utcoffset() == row.created_at.utcoffset() == timedelta(0)


@case()
async def is_an_instant_in_any_zone(bench: Bench) -> None:
    """A job half an hour ahead, told in another zone, does not run now."""
    job = bench.new(run_at=(bench.now + timedelta(minutes=30)).astimezone(WEST))
    await bench.there(job)
    worker = await bench.worker()
    assert await worker.take() == []
    bench.wait(1800)
    assert len(await worker.take()) == 1


@case()
async def without_a_zone_is_refused(bench: Bench) -> None:
    """A naive datetime names no instant."""
    naive = bench.now.replace(tzinfo=None)
    with pytest.raises(InvalidArgument, match="time zone"):
        await bench.insert(bench.new(run_at=naive))
    with pytest.raises(InvalidArgument, match="time zone"):
        await bench.driver.insert([bench.new()], now=naive)
    _, job = await bench.running()
    with pytest.raises(InvalidArgument, match="time zone"):
        await bench.finish(failed(job, error(bench), naive))
    assert await bench.state(job) is State.RUNNING


@case()
async def as_a_span_counts_from_now(bench: Bench) -> None:
    """A span is added by the store, to its own now."""
    job = bench.new(run_at=timedelta(minutes=5))
    await bench.there(job)
    assert (await bench.row(job)).run_at == bench.now + timedelta(minutes=5)


@case()
async def however_far_ahead_is_kept(bench: Bench) -> None:
    """A job may wait for years: no delay is cut to the longest that a queue knows."""
    for span in (timedelta(hours=13), timedelta(days=8), timedelta(days=366), timedelta(days=3653)):
        job = bench.new(run_at=bench.now + span)
        await bench.there(job)
        assert (await bench.row(job)).run_at == bench.now + span, f"run_at in {span} is not kept"


@case()
async def that_comes_makes_jobs_available(bench: Bench) -> None:
    """Falling due needs no write: a job whose time has come is available, whoever looks."""
    job = bench.new(run_at=timedelta(seconds=5))
    await bench.there(job)
    bench.wait(4.999999)
    assert await bench.state(job) is State.SCHEDULED
    bench.wait(0.000001)
    assert await bench.state(job) is State.AVAILABLE
    _, other = await bench.running()
    await bench.finish(failed(other, error(bench), timedelta(seconds=5)))
    assert await bench.state(other) is State.RETRYABLE
    bench.wait(5)
    assert await bench.state(other) is State.AVAILABLE


@case("order=strict")
async def sorts_as_time_and_not_as_text(bench: Bench) -> None:
    """Instants within a second are taken in their order, whatever zeros they end in."""
    start = bench.now.replace(microsecond=0) - timedelta(seconds=5)
    jobs = [
        bench.new(run_at=start + timedelta(microseconds=micros))
        for micros in (0, 5, 100, 90_000, 100_000, 110_000, 999_999, 1_000_000)
    ]
    await bench.there(*reversed(jobs))
    worker = await bench.worker()
    assert [job.id for job in await worker.take(8)] == [job.id for job in jobs]


@case("clock=store")
async def is_the_stores_where_none_is_told(bench: Bench) -> None:
    """Without `now` the store's clock rules: what is inserted is due at once, and near today."""
    bench.tells_now = False
    job = bench.new()
    await bench.there(job)
    [taken] = await (await bench.worker()).take()
    assert taken.id == job.id
    assert abs(taken.created_at - utc_now()) < timedelta(days=1)
