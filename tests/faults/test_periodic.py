"""Schedules in pools over each store: each tick enqueues one job, whatever befalls a call."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from goncordia import Args, Every, Schedules
from goncordia.testing import lost, refused

pytestmark = pytest.mark.anyio


@pytest.fixture
def ran(rig):
    """The seconds at which the ticks were whose jobs have run."""
    ran = []

    async def handler(job):
        ran.append(job.args.n)

    rig.handle(handler)
    return ran


def every_minute(rig):
    start, schedules = rig.clock.now(), Schedules()

    def task(tick: datetime) -> Args:
        return rig.Task(int((tick - start).total_seconds()))

    schedules.add("minutely", Every(timedelta(minutes=1)), task)
    return schedules


async def test_two_pools_enqueue_each_tick_once(rig, ran):
    async with rig.pool(schedules=every_minute(rig), poll=1) as one:
        async with rig.pool(schedules=every_minute(rig), poll=1):
            await rig.after(190, one)
        await rig.after(120, one)
    assert ran == [60, 120, 180, 240, 300]


@pytest.mark.parametrize("fault", [refused, lost])
@pytest.mark.parametrize("operation", ["insert", "compare_and_set"])
async def test_a_fault_at_any_call_doubles_no_tick(rig, ran, operation, fault):
    """Between the two writes of a tick, too: they are the job and the cursor."""
    async with rig.pool(schedules=every_minute(rig), poll=1) as pool:
        for _ in range(3):
            rig.driver.next(operation, fault())
            await rig.after(60, pool)
        await rig.after(30, pool)
    assert ran == [60, 120, 180]


async def test_a_restart_goes_on_where_the_last_pool_ended(rig, ran):
    schedules = every_minute(rig)
    async with rig.pool(schedules=schedules, poll=1) as pool:
        await rig.after(70, pool)
    await rig.clock.advance(30)
    async with rig.pool(schedules=schedules, poll=1) as pool:
        await rig.after(90, pool)
    assert ran == [60, 120, 180]
