"""Periodic jobs on a file: cursors outlive processes, and processes share them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Never

import anyio
import pytest
from goncordia import Args, Client, Cron, Driver, Every, Job, Registry, Schedules, worker_pool
from goncordia.errors import Unavailable
from goncordia.scheduler import Scheduler, read_cursor
from goncordia.testing import FaultyDriver, MockClock, lost, refused
from goncordia_sql.sqlite import SqliteDriver

START = datetime(2026, 1, 1, 0, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)


class Report(Args, kind="report"):
    tick: str = ""


class Crash(Exception):
    """Ends a process."""


def schedules_of(schedule: Any, **options: Any) -> Schedules:
    schedules = Schedules()
    schedules.add("report", schedule, Report(), **options)
    return schedules


async def ticks(driver: Driver[Never]) -> list[datetime]:
    return sorted([row.run_at async for row in Client(driver).all_jobs()])


@pytest.mark.anyio
async def test_a_weekly_job_fires_though_each_day_has_its_deploy(path: str) -> None:
    weekly, clock = schedules_of(Cron("0 3 * * MON", tz="Europe/Berlin")), MockClock(START)
    for _ in range(15):
        async with SqliteDriver(path, synchronous="NORMAL") as driver:
            scheduler = Scheduler(driver, weekly, clock)
            seconds = await scheduler.turn()
            if seconds < 86_400:
                await clock.advance(seconds)
                await scheduler.turn()
                await clock.advance(86_400 - seconds)
            else:
                await clock.advance(86_400)
    async with SqliteDriver(path) as driver:
        assert await ticks(driver) == [datetime(2026, 1, day, 2, tzinfo=UTC) for day in (5, 12)]


@pytest.mark.anyio
@pytest.mark.parametrize("make", [refused, lost])
@pytest.mark.parametrize(("write", "number"), [("insert", 1), ("compare_and_set", 2)])
async def test_a_crash_at_either_write_loses_no_tick_and_doubles_none(
    path: str, make: Callable[[Exception], Any], write: str, number: int
) -> None:
    hourly, clock = schedules_of(Every(HOUR)), MockClock(START)
    async with SqliteDriver(path, synchronous="NORMAL") as driver:
        await Scheduler(driver, hourly, clock).turn()
        await clock.advance(HOUR)
        faulty = FaultyDriver(driver)
        faulty.at(write, number, make(Crash()))
        with pytest.raises(Crash):
            await Scheduler(faulty, hourly, clock).turn()
    async with SqliteDriver(path) as driver:
        await Scheduler(driver, hourly, clock).turn()
        assert await ticks(driver) == [START + HOUR / 2]
        cursor = await read_cursor(driver, "report")
        assert cursor is not None
        assert cursor.at == cursor.last == START + HOUR / 2


@pytest.mark.anyio
async def test_looking_at_a_cursor_makes_none(driver: SqliteDriver) -> None:
    assert await read_cursor(driver, "report") is None
    assert await read_cursor(driver, "report") is None


RACE = """if True:
    import sys
    from datetime import datetime, timedelta
    import anyio
    from goncordia import Args, Every, Schedules
    from goncordia.scheduler import Scheduler
    from goncordia.testing import MockClock
    from goncordia_sql.sqlite import SqliteDriver

    class Report(Args, kind="report"):
        pass

    schedules = Schedules()
    schedules.add("report", Every(timedelta(hours=1)), Report(), catch_up=1000)

    async def main():
        clock = MockClock(datetime.fromisoformat(sys.argv[2]))
        async with SqliteDriver(sys.argv[1], synchronous="NORMAL") as driver:
            scheduler = Scheduler(driver, schedules, clock)
            print("ready", flush=True)
            sys.stdin.readline()
            end = clock.now() + timedelta(hours=60)
            while clock.now() < end:
                left = (end - clock.now()).total_seconds()
                await clock.advance(min(await scheduler.turn(), left))
    anyio.run(main)
"""


def test_several_processes_that_all_lead_enqueue_each_tick_once(path: str) -> None:
    async def begin() -> None:
        async with SqliteDriver(path) as driver:
            await Scheduler(driver, schedules_of(Every(HOUR)), MockClock(START)).turn()

    async def found() -> list[datetime]:
        async with SqliteDriver(path) as driver:
            return await ticks(driver)

    anyio.run(begin)
    command = [sys.executable, "-c", RACE, path, START.isoformat()]
    crowd = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    for process in crowd:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in crowd:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    assert [process.communicate(timeout=60)[0] for process in crowd] == ["", "", ""]
    assert [process.returncode for process in crowd] == [0, 0, 0]
    first = START + HOUR / 2
    assert anyio.run(found) == [first + number * HOUR for number in range(60)]


@pytest.mark.anyio
async def test_two_pools_run_each_tick_once(path: str) -> None:
    ran: list[str] = []
    jobs, clock = Registry(), MockClock(START)

    @jobs.worker
    async def report(job: Job[Report]) -> None:
        ran.append(job.args.tick)

    schedules = Schedules()
    schedules.add("report", Every(60), lambda tick: Report(tick=f"{tick:%H:%M}"))
    async with (
        SqliteDriver(path, synchronous="NORMAL") as one,
        SqliteDriver(path, synchronous="NORMAL") as two,
        worker_pool(quiet_one := FaultyDriver(one), jobs, schedules=schedules, clock=clock) as left,
        worker_pool(
            quiet_two := FaultyDriver(two), jobs, schedules=schedules, clock=clock
        ) as right,
    ):
        await quiet_one.quiet()
        await quiet_two.quiet()
        for _ in range(60):
            await clock.advance(3)
            await quiet_one.quiet()
            await quiet_two.quiet()
        await left.settled()
        await right.settled()
    assert sorted(ran) == ["00:31", "00:32", "00:33"]


@pytest.mark.anyio
async def test_a_store_that_is_away_costs_no_tick(driver: SqliteDriver) -> None:
    hourly, clock, faulty = schedules_of(Every(HOUR)), MockClock(START), FaultyDriver(driver)
    scheduler = Scheduler(faulty, hourly, clock)
    await scheduler.turn()
    await clock.advance(HOUR)
    faulty.always(lost(), "insert")
    with pytest.raises(Unavailable):
        await scheduler.turn()
    faulty.heal()
    await scheduler.turn()
    assert await ticks(driver) == [START + HOUR / 2]
