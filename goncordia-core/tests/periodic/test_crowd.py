"""Many schedulers at once, and their crashes: each tick enqueues one job."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

import anyio
import pytest
from goncordia import Every, Overlap, Schedules, Unavailable
from goncordia.testing import held, lost, refused
from goncordia.testing.faults import Fault
from hypothesis import given, settings
from hypothesis import strategies as st

from .rig import HOUR, START, Crash, Report, Rig, hours

WRITES = ("insert", "compare_and_set")


def hourly(**options) -> Schedules:
    schedules = Schedules()
    schedules.add("report", Every(HOUR), Report(), catch_up=1000, **options)
    return schedules


@pytest.mark.anyio
@pytest.mark.parametrize("overlap", Overlap)
@pytest.mark.parametrize("fault", [refused(Crash()), lost(Crash())], ids=["before", "after"])
@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("late", [timedelta(0), HOUR])
async def test_a_crash_at_either_write_loses_no_tick_and_doubles_none(
    overlap: Overlap, fault: Fault, write: str, late: timedelta
) -> None:
    rig, schedules = Rig(), hourly(overlap=overlap)
    await rig.process(schedules).turn()
    await rig.clock.advance(HOUR / 2)
    number = 1 if write == "insert" else 2  # its first one reads the cursor
    rig.driver.at(write, rig.driver.calls[write] + number, fault)
    with pytest.raises(Crash):
        await rig.process(schedules).turn()
    await rig.clock.advance(late)
    await rig.live(rig.process(schedules), HOUR / 2)
    skips = overlap is Overlap.SKIP
    assert await rig.ticks() == (hours(1) if skips or not late else hours(1, 2))


@pytest.mark.anyio
async def test_a_crash_leaves_a_job_that_later_ticks_don_t_overlap() -> None:
    rig, schedules = Rig(), Schedules()
    schedules.add("report", Every(HOUR), Report(), overlap=Overlap.SKIP)
    await rig.process(schedules).turn()
    await rig.clock.advance(HOUR / 2)
    rig.driver.at("compare_and_set", rig.driver.calls["compare_and_set"] + 2, refused(Crash()))
    with pytest.raises(Crash):
        await rig.process(schedules).turn()
    await rig.clock.advance(3 * HOUR)
    await rig.process(schedules).turn()
    assert await rig.ticks() == hours(1)


@pytest.mark.anyio
async def test_a_crash_leaves_a_job_that_counts_as_the_last_one() -> None:
    rig, schedules = Rig(), hourly(overlap=Overlap.SKIP)
    await rig.live(rig.process(schedules), HOUR / 2)
    (first,) = await rig.jobs()
    await rig.client.cancel(first.id)
    await rig.clock.advance(HOUR)
    rig.driver.at("compare_and_set", rig.driver.calls["compare_and_set"] + 2, refused(Crash()))
    with pytest.raises(Crash):
        await rig.process(schedules).turn()
    await rig.client.retry(first.id)
    await rig.process(schedules).turn()
    await rig.client.cancel(first.id)
    await rig.clock.advance(HOUR)
    await rig.process(schedules).turn()
    assert len(await rig.jobs()) == 2  # the third tick was skipped for the second's


@pytest.mark.anyio
@pytest.mark.parametrize("write", WRITES)
async def test_two_that_lead_at_once_do_no_harm(write: str) -> None:
    rig, schedules, go_on = Rig(), hourly(), anyio.Event()
    slow, quick = rig.process(schedules), rig.process(schedules)
    await slow.turn()
    await quick.turn()
    await rig.clock.advance(HOUR / 2)
    number = 1 if write == "insert" else 2
    rig.driver.at(write, rig.driver.calls[write] + number, held(go_on))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(slow.turn)
        await rig.driver.quiet()
        await quick.turn()
        await rig.clock.advance(HOUR)
        await quick.turn()
        go_on.set()
    await slow.turn()
    assert await rig.ticks() == hours(1, 2)


@pytest.mark.anyio
async def test_those_that_don_t_lead_come_later_and_find_it_done() -> None:
    rig, schedules = Rig(), hourly()
    first, second = rig.process(schedules), rig.process(schedules, leads=False)
    await first.turn()
    assert await second.turn() == 1800
    await rig.clock.advance(HOUR / 2)
    assert 0 < await second.turn() < 4
    await first.turn()
    await rig.live(second, timedelta(minutes=1))
    assert rig.driver.calls["insert"] == 1
    assert await rig.ticks() == hours(1)


@pytest.mark.anyio
async def test_nor_do_they_begin_with_what_is_due() -> None:
    rig, schedules = Rig(), hourly()
    await rig.process(schedules).turn()
    await rig.clock.advance(HOUR)
    late = rig.process(schedules, leads=False)
    assert 0 < await late.turn() < 4
    assert await rig.ticks() == []
    await rig.live(late, timedelta(seconds=4))
    assert await rig.ticks() == hours(1)


@pytest.mark.anyio
async def test_and_do_it_within_seconds_if_the_leader_is_gone() -> None:
    rig, schedules = Rig(), hourly()
    await rig.process(schedules).turn()
    await rig.live(rig.process(schedules, leads=False), HOUR / 2 + timedelta(seconds=4))
    assert await rig.ticks() == hours(1)


@pytest.mark.anyio
async def test_who_did_the_last_tick_goes_first() -> None:
    """So schedules that the leader does not know are on time, too."""
    rig, schedules = Rig(), hourly()
    scheduler = rig.process(schedules, leads=False)
    assert await scheduler.turn() == 1800
    await rig.clock.advance(HOUR / 2)
    assert await scheduler.turn() == 3600
    assert await rig.ticks() == hours(1)


spans = st.sampled_from([timedelta(minutes=1), HOUR / 2, HOUR, 7 * HOUR])
faults = st.sampled_from([refused(), lost(), refused(Crash()), lost(Crash())])
deeds = (
    st.tuples(st.just("pass"), spans)
    | st.tuples(st.just("turn"), st.integers(0, 2))
    | st.tuples(st.just("restart"), st.integers(0, 2))
    | st.tuples(st.just("fault"), st.sampled_from(WRITES), st.integers(1, 3), faults)
)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@settings(max_examples=60, deadline=None)
@given(story=st.lists(deeds, max_size=25), run_on_start=st.booleans())
def test_whatever_happens_each_tick_enqueues_one_job(backend, story, run_on_start) -> None:
    anyio.run(live, story, hourly(run_on_start=run_on_start), backend=backend)


async def live(story, schedules: Schedules) -> None:
    rig = Rig()
    crowd = [rig.process(schedules, leads=number < 2) for number in range(3)]
    await crowd[0].turn()
    for deed, *what in story:
        if deed == "pass":
            await rig.clock.advance(*what)
        elif deed == "restart":
            crowd[what[0]] = rig.process(schedules)
        elif deed == "fault":
            write, number, fault = what
            rig.driver.at(write, rig.driver.calls[write] + number, fault)
        else:
            with suppress(Unavailable, Crash):
                await crowd[what[0]].turn()
    await rig.sound_process(schedules).turn()
    ticks = [*hours(*range(1, 500))]
    started = [START] if next(iter(schedules)).run_on_start else []
    assert await rig.ticks() == started + [tick for tick in ticks if tick <= rig.clock.now()]
