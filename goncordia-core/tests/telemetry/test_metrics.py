"""How long jobs waited and ran, how they ended, and how many wait."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from goncordia import Fixed, Job, Snooze
from goncordia.errors import Unavailable
from goncordia.telemetry import Depths
from goncordia.testing import FaultyDriver, refused

from .conftest import Mail, Rig, Text

pytestmark = pytest.mark.anyio

DEFAULT = {"goncordia.job.kind": "mail", "goncordia.job.queue": "default"}


def sums(rig: Rig, name: str) -> dict[tuple[tuple[str, Any], ...], float]:
    return {tuple(sorted(point.attributes.items())): point.sum for point in rig.points(name)}


def key(**more: str) -> tuple[tuple[str, Any], ...]:
    named = {f"goncordia.job.{name}": value for name, value in more.items()}
    return tuple(sorted({**DEFAULT, **named}.items()))


async def test_the_duration_is_that_of_the_attempt(rig: Rig) -> None:
    @rig.jobs.worker
    async def mail(job: Job[Mail]) -> None:
        await rig.clock.sleep(90)

    async with rig.pool() as pool:
        await rig.client.enqueue(Mail())
        await pool.settled()
        await rig.clock.advance(90)
        await pool.settled()
    assert sums(rig, "goncordia.job.duration") == {key(status="completed"): 90.0}
    [point] = rig.points("goncordia.job.duration")
    assert point.explicit_bounds[-1] == 86_400.0


async def test_the_queue_time_counts_from_the_enqueue_or_the_set_time(rig: Rig) -> None:
    @rig.jobs.worker
    async def mail(job: Job[Mail]) -> None: ...

    await rig.client.enqueue(Mail())
    await rig.client.enqueue(Mail(), run_at=timedelta(seconds=60))
    await rig.clock.advance(100)
    await rig.run()
    [point] = rig.points("goncordia.job.queue_time")
    assert (point.count, point.sum) == (2, 100.0 + 40.0)
    assert point.attributes == DEFAULT


async def test_only_what_was_due_at_a_set_time_lags(rig: Rig) -> None:
    @rig.jobs.worker
    async def mail(job: Job[Mail]) -> None: ...

    await rig.client.enqueue(Mail())
    await rig.clock.advance(100)
    await rig.run()
    assert rig.points("goncordia.job.schedule_lag") == []
    await rig.client.enqueue(Mail(), run_at=timedelta(seconds=60))
    await rig.clock.advance(100)
    await rig.run()
    [point] = rig.points("goncordia.job.schedule_lag")
    assert (point.count, point.sum) == (1, 40.0)


async def test_attempts_are_counted_by_how_they_ended(rig: Rig) -> None:
    @rig.jobs.worker(retry=Fixed(timedelta(0)))
    async def mail(job: Job[Mail]) -> None:
        if job.attempt < 3:
            raise LookupError

    @rig.jobs.worker
    def text(job: Job[Text]) -> None:
        raise Snooze(60)

    await rig.client.enqueue_many([Mail(), Mail(), Text()])
    await rig.run()
    counts = {
        tuple(sorted(point.attributes.items())): point.value
        for point in rig.points("goncordia.job.count")
    }
    assert counts == {
        key(status="failed"): 4,
        key(status="completed"): 2,
        key(kind="text", status="snoozed"): 1,
    }


@contextmanager
def depths(rig: Rig, driver: Any = None, **options: Any) -> Generator[Depths]:
    yield Depths(driver or rig.driver, rig.telemetry.meter, clock=rig.clock, **options)


def depth(rig: Rig) -> dict[tuple[str, str], float]:
    return {
        (p.attributes["goncordia.job.queue"], p.attributes["goncordia.job.state"]): p.value
        for p in rig.points("goncordia.queue.depth")
    }


def ages(rig: Rig) -> dict[str, float]:
    return {
        p.attributes["goncordia.job.queue"]: p.value
        for p in rig.points("goncordia.queue.oldest_age")
    }


async def test_the_oldest_of_a_long_queue_is_told(rig: Rig) -> None:
    with depths(rig) as found:
        await rig.client.enqueue(Mail())
        await rig.clock.advance(3600)
        await rig.client.enqueue_many([Mail()] * 200)
        await found.refresh()
    assert ages(rig) == {"default": 3600.0}


async def test_depths_are_told_as_they_were_looked_up(rig: Rig) -> None:
    with depths(rig) as found:
        assert depth(rig) == {}
        await rig.client.enqueue(Mail())
        await rig.clock.advance(30)
        await rig.client.enqueue(Mail())
        await rig.client.enqueue(Mail(), run_at=timedelta(hours=1))
        await rig.client.enqueue(Text(), queue="text", run_at=timedelta(hours=1))
        await found.refresh()
    told = depth(rig)
    assert (told["default", "available"], told["default", "scheduled"]) == (2, 1)
    assert (told["default", "running"], told["text", "available"]) == (0, 0)
    assert ages(rig) == {"default": 30.0, "text": 0.0}
    assert "completed" not in {state for _, state in told}


async def test_a_queue_that_ran_empty_is_told_as_zero(rig: Rig) -> None:
    @rig.jobs.worker
    async def mail(job: Job[Mail]) -> None: ...

    with depths(rig) as found:
        await rig.client.enqueue(Mail())
        await found.refresh()
        assert depth(rig)["default", "available"] == 1
        await rig.run()
        await found.refresh()
        assert depth(rig)["default", "available"] == 0
        assert ages(rig) == {"default": 0.0}


async def test_some_queues_alone(rig: Rig) -> None:
    with depths(rig, queues=["mail"]) as found:
        await rig.client.enqueue(Mail(), queue="mail")
        await rig.client.enqueue(Mail(), queue="other")
        await found.refresh()
    assert {queue for queue, _ in depth(rig)} == set(ages(rig)) == {"mail"}


async def test_nothing_is_told_while_the_store_is_away(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    faulty = FaultyDriver(rig.driver)
    with depths(rig, faulty) as found:
        await rig.client.enqueue(Mail())
        async with found.watched(every=15):
            await rig.clock.advance(1)
            assert depth(rig)["default", "available"] == 1
            faulty.always(refused(Unavailable("down")), "stats", "queues")
            await rig.clock.advance(20)
            assert depth(rig) == {}
            assert "the depth of queues is not known: down" in caplog.text
            faulty.heal()
            await rig.clock.advance(20)
            assert depth(rig)["default", "available"] == 1


async def test_what_the_block_raises_leaves_it_as_it_is(rig: Rig) -> None:
    with depths(rig) as found, pytest.raises(ZeroDivisionError):
        async with found.watched():
            raise ZeroDivisionError
