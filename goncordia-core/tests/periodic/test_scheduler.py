"""What one scheduler does, turn by turn."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from goncordia import (
    Cron,
    Enqueue,
    Every,
    Overlap,
    ScheduleFunc,
    Schedules,
    State,
    Unavailable,
    Unique,
)
from goncordia.errors import ArgsError, InvalidArgument
from goncordia.memory import STRONG
from goncordia.testing import refused

from .rig import HOUR, START, Report, Rig, hours

pytestmark = pytest.mark.anyio


REPORT, EVERY_HOUR = Report(), Every(HOUR)


def hourly(job: Any = REPORT, schedule: Any = EVERY_HOUR, **options: Any) -> Schedules:
    schedules = Schedules()
    schedules.add("report", schedule, job, **options)
    return schedules


async def test_each_tick_enqueues_a_job_that_is_due_at_it() -> None:
    rig = Rig()
    await rig.live(rig.process(hourly()), 4 * HOUR)
    assert await rig.ticks() == hours(1, 2, 3, 4)
    assert {row.state for row in await rig.jobs()} == {State.AVAILABLE}


async def test_a_new_schedule_starts_from_now() -> None:
    rig = Rig()
    await rig.process(hourly()).turn()
    assert await rig.ticks() == []


async def test_or_with_a_job_at_once_the_first_time_ever() -> None:
    rig = Rig()
    await rig.process(hourly(run_on_start=True)).turn()
    await rig.live(rig.process(hourly(run_on_start=True)), HOUR)
    assert await rig.ticks() == [START, *hours(1)]


async def test_a_restart_fires_nothing_again() -> None:
    rig = Rig()
    for _ in range(8):
        await rig.live(rig.process(hourly()), HOUR / 2)
    assert await rig.ticks() == hours(1, 2, 3, 4)


async def test_a_weekly_job_fires_though_each_day_has_its_deploy() -> None:
    rig = Rig()
    weekly = hourly(schedule=Cron("0 3 * * MON", tz="Europe/Berlin"))
    for _ in range(21):
        await rig.live(rig.process(weekly), timedelta(days=1))
    assert [f"{tick:%a %d %H:%M}" for tick in await rig.ticks()] == [
        "Mon 05 02:00",
        "Mon 12 02:00",
        "Mon 19 02:00",
    ]


async def test_a_changed_line_goes_on_from_the_last_tick() -> None:
    rig = Rig()
    await rig.live(rig.process(hourly(schedule=Cron("0 1 * * *"))), HOUR)
    await rig.live(rig.process(hourly(schedule=Cron("15 * * * *"))), HOUR)
    assert await rig.ticks() == [*hours(1), *(each + HOUR / 4 for each in hours(1, 2))]


async def test_a_schedule_may_end() -> None:
    rig = Rig()
    once = hourly(schedule=ScheduleFunc(lambda after: max(hours(1)) if after < START else None))
    scheduler = rig.process(once)
    await rig.live(scheduler, 3 * HOUR)
    assert await rig.ticks() == []
    assert await scheduler.turn() > 1e9


@pytest.mark.parametrize(
    ("catch_up", "missed"), [(0, ()), (1, (6,)), (3, (4, 5, 6)), (100, (2, 3, 4, 5, 6))]
)
async def test_of_the_ticks_that_were_missed_it_makes_up_for_the_last(catch_up, missed) -> None:
    rig = Rig()
    schedules = hourly(catch_up=catch_up)
    await rig.live(rig.process(schedules), HOUR)
    await rig.clock.advance(5 * HOUR)
    await rig.live(rig.process(schedules), HOUR)
    assert await rig.ticks() == hours(1, *missed, 7)


async def test_a_tick_is_not_missed_for_being_some_seconds_late() -> None:
    rig = Rig()
    schedules = hourly(catch_up=0)
    await rig.process(schedules).turn()
    await rig.clock.advance(HOUR / 2 + timedelta(seconds=59))
    await rig.process(schedules).turn()
    assert await rig.ticks() == hours(1)


async def test_jobs_overlap_unless_told_otherwise() -> None:
    rig = Rig()
    await rig.live(rig.process(hourly(overlap=Overlap.ALLOW)), 3 * HOUR)
    assert await rig.ticks() == hours(1, 2, 3)


async def test_a_tick_is_skipped_while_the_last_job_lives() -> None:
    rig = Rig()
    scheduler = rig.process(hourly(overlap=Overlap.SKIP))
    await rig.live(scheduler, 3 * HOUR)
    (job,) = await rig.jobs()
    await rig.client.cancel(job.id)
    await rig.live(scheduler, 3 * HOUR)
    assert await rig.ticks() == hours(1, 4)


async def test_ticks_that_are_made_up_for_don_t_overlap_either() -> None:
    rig = Rig()
    schedules = hourly(overlap=Overlap.SKIP, catch_up=10)
    await rig.process(schedules).turn()
    await rig.clock.advance(4 * HOUR)
    await rig.process(schedules).turn()
    assert await rig.ticks() == hours(1)


async def test_a_function_makes_the_args_of_a_tick() -> None:
    rig = Rig()

    def report(tick: datetime) -> Enqueue:
        return Enqueue(Report(day=f"{tick:%H:%M}"), queue="slow", run_at=timedelta(minutes=5))

    await rig.live(rig.process(hourly(report)), 2 * HOUR)
    jobs = await rig.jobs()
    assert [job.args for job in jobs] == [b'{"day":"01:00"}', b'{"day":"02:00"}']
    assert [job.queue for job in jobs] == ["slow", "slow"]
    assert [job.run_at for job in jobs] == [each + timedelta(minutes=5) for each in hours(1, 2)]


async def test_a_unique_rule_may_skip_the_job_of_a_tick() -> None:
    rig = Rig()
    await rig.live(rig.process(hourly(Enqueue(Report(), unique=Unique()))), 3 * HOUR)
    assert await rig.ticks() == hours(1)


async def test_a_store_that_does_not_answer_costs_no_tick() -> None:
    rig = Rig()
    scheduler = rig.process(hourly(catch_up=10))
    await rig.live(scheduler, HOUR)
    rig.driver.always(refused(), "insert", "compare_and_set")
    await rig.clock.advance(2 * HOUR)
    with pytest.raises(Unavailable):
        await scheduler.turn()
    rig.driver.heal()
    await scheduler.turn()
    assert await rig.ticks() == hours(1, 2, 3)


async def test_one_that_raises_waits_a_minute_and_harms_no_other(caplog) -> None:
    rig, broken = Rig(), True

    def report(tick: datetime) -> Report:
        if broken:
            raise LookupError("no such day")
        return Report()

    schedules = hourly(report)
    schedules.add("other", Every(HOUR), Report(day="other"))
    scheduler = rig.process(schedules)
    await rig.live(scheduler, HOUR / 2)
    assert [job.args for job in await rig.jobs()] == [b'{"day":"other"}']
    assert "schedule 'report' waits" in caplog.text
    assert "no such day" in caplog.text
    assert await scheduler.turn() == 60
    broken = False
    await rig.live(scheduler, timedelta(minutes=2))
    assert await rig.ticks() == hours(1, 1)


@pytest.mark.parametrize("tick", [START.replace(tzinfo=None), START, "soon"])
async def test_a_function_that_answers_nonsense_does_not_spin(tick: Any, caplog) -> None:
    rig = Rig()
    scheduler = rig.process(hourly(schedule=ScheduleFunc(lambda after: tick)))
    assert await scheduler.turn() == 60
    assert "schedule 'report' waits" in caplog.text


async def test_unique_jobs_are_not_asked_of_a_store_that_has_none(caplog) -> None:
    rig = Rig(replace(STRONG, unique=False, tx_unique=False))
    await rig.live(rig.process(hourly(Enqueue(Report(), unique=Unique()))), HOUR)
    assert await rig.ticks() == []
    assert "can't keep unique jobs apart" in caplog.text


async def test_between_ticks_the_store_hears_nothing() -> None:
    rig = Rig()
    scheduler = rig.process(hourly(schedule=Cron("0 0 * * *")))
    await scheduler.turn()
    calls = rig.driver.calls.total()
    for _ in range(1000):
        await scheduler.turn()
    assert rig.driver.calls.total() == calls


def test_each_name_has_one_schedule() -> None:
    schedules = hourly()
    with pytest.raises(InvalidArgument, match="'report' already"):
        schedules.add("report", Every(HOUR), Report())
    assert len(schedules) == 1


@pytest.mark.parametrize(
    ("name", "job", "options", "error"),
    [
        ("two words", Report(), {}, InvalidArgument),
        ("", Report(), {}, InvalidArgument),
        ("a", Report(), {"catch_up": -1}, InvalidArgument),
        ("a", Report(), {"catch_up": 1001}, InvalidArgument),
        ("a", "report", {}, InvalidArgument),
        ("a", Enqueue(Report(), priority=99), {}, InvalidArgument),
        ("a", Enqueue(Report(), meta={"a": object()}), {}, ArgsError),
    ],
)
def test_what_no_store_takes_is_refused_at_the_door(name, job, options, error) -> None:
    schedules = Schedules()
    with pytest.raises(error):
        schedules.add(name, Every(HOUR), job, **options)
    assert not len(schedules)
