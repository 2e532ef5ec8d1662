"""Schedules in worker pools, over memory and a mock clock."""

from __future__ import annotations

from datetime import timedelta

import anyio
import pytest
from goncordia import Every, Job, Registry, Schedules, worker_pool
from goncordia.testing import refused

from .rig import START, Report, Rig

MINUTE = timedelta(minutes=1)

pytestmark = pytest.mark.anyio


class Shop:
    """An application: its jobs, its schedules, and what has run."""

    def __init__(self) -> None:
        self.ran: list[str] = []
        self.jobs = Registry()
        self.schedules = Schedules()
        self.schedules.add("report", Every(MINUTE), lambda tick: Report(day=f"{tick:%H:%M:%S}"))

        @self.jobs.worker
        async def report(job: Job[Report]) -> None:
            self.ran.append(job.args.day)

    def pool(self, rig: Rig, **options):
        return worker_pool(rig.driver, self.jobs, clock=rig.clock, **options)

    def ticking(self, rig: Rig):
        return self.pool(rig, schedules=self.schedules)


async def test_a_pool_runs_the_job_of_each_tick() -> None:
    rig, shop = Rig(), Shop()
    async with shop.ticking(rig) as pool:
        for _ in range(3):
            await rig.clock.advance(MINUTE)
            await pool.settled()
    assert shop.ran == ["00:31:00", "00:32:00", "00:33:00"]


async def test_a_job_starts_within_a_second_of_its_tick() -> None:
    rig, shop = Rig(), Shop()
    async with shop.ticking(rig) as pool:
        await rig.clock.advance(timedelta(seconds=59))
        await pool.settled()
        assert shop.ran == []
        await rig.clock.advance(timedelta(seconds=2))
        await pool.settled()
        assert shop.ran == ["00:31:00"]


async def test_after_a_restart_too() -> None:
    rig, shop = Rig(), Shop()
    await rig.process(shop.schedules).turn()
    async with shop.ticking(rig) as pool:
        await rig.clock.advance(timedelta(seconds=60.5))
        await pool.settled()
        assert shop.ran == ["00:31:00"]


async def test_of_two_pools_one_enqueues() -> None:
    rig, shop = Rig(), Shop()
    async with shop.ticking(rig) as first, shop.ticking(rig) as second:
        await rig.clock.advance(2 * MINUTE)
        await first.settled()
        await second.settled()
    assert shop.ran == ["00:31:00", "00:32:00"]


async def test_a_leader_without_schedules_stops_nobody() -> None:
    rig, shop = Rig(), Shop()
    async with shop.pool(rig) as leader:
        await rig.clock.advance(1)
        async with shop.ticking(rig) as other:
            await rig.clock.advance(MINUTE)
            assert leader.leads
            assert not other.leads
            assert await rig.ticks() == [START + MINUTE]


async def test_a_leader_that_dies_on_the_tick_is_stood_in_for_within_seconds() -> None:
    rig, shop = Rig(), Shop()
    async with shop.ticking(rig) as other:
        await rig.clock.advance(1)
        async with anyio.create_task_group() as tasks:
            started = anyio.Event()

            async def live() -> None:
                async with shop.ticking(rig):
                    started.set()
                    await anyio.sleep_forever()

            tasks.start_soon(live)
            await started.wait()
            await rig.clock.advance(57)
            tasks.cancel_scope.cancel()
        await rig.clock.advance(6)
        await other.settled()
    assert shop.ran == ["00:31:00"]


async def test_a_store_that_is_away_at_the_tick_gets_it_when_it_is_back(caplog) -> None:
    rig, shop = Rig(), Shop()
    async with shop.ticking(rig) as pool:
        await rig.clock.advance(40)
        rig.driver.always(refused(), "insert", "compare_and_set")
        await rig.clock.advance(40)
        assert "schedules wait for the store" in caplog.text
        calls = rig.driver.calls["compare_and_set"]
        await rig.clock.advance(20)
        assert rig.driver.calls["compare_and_set"] - calls < 30
        rig.driver.heal()
        await rig.clock.advance(10)
        await pool.settled()
    assert shop.ran == ["00:31:00"]


async def test_a_pool_without_schedules_keeps_no_cursor() -> None:
    rig, shop = Rig(), Shop()
    async with shop.pool(rig, schedules=Schedules()):
        await rig.clock.advance(2 * MINUTE)
    assert await rig.ticks() == []
    assert rig.driver.calls["insert"] == 0
