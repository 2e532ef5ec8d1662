"""Claims take the first by priority, run_at and id, whether a job was ready or fell due."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from goncordia.ids import uuid7
from goncordia.jobs import NewJob
from goncordia.sessions import Claim, WorkerInfo
from goncordia_sql.sqlite import SqliteDriver

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("seed", range(5))
async def test_the_order_is_that_of_a_sorted_list(driver: SqliteDriver, seed: int) -> None:
    chance = random.Random(seed)
    jobs = [
        NewJob(
            uuid7(),
            "k",
            b"{}",
            priority=chance.choice([-16, 0, 0, 3, 15]),
            run_at=timedelta(seconds=chance.randint(-3, 6)),
        )
        for _ in range(80)
    ]
    chance.shuffle(jobs)
    await driver.insert(jobs, now=NOW)
    session = await driver.join(WorkerInfo("w"), timedelta(hours=1), now=NOW)
    waiting = {job.id: job for job in jobs}
    for seconds in range(8):
        now = NOW + timedelta(seconds=seconds)
        due = sorted(
            (-job.priority, job.run_at, job.id)
            for job in waiting.values()
            if isinstance(job.run_at, timedelta) and NOW + job.run_at <= now
        )
        n = chance.randint(1, 12)
        claims = await driver.claim(Claim(uuid7(), session.id, {"default": n}), now=now)
        taken = [job.id for job in claims.jobs]
        assert taken == [key[2] for key in due[:n]]
        assert claims.more == (len(due) > n)
        for id_ in taken:
            del waiting[id_]
    assert await left(driver) == set(waiting)


async def left(driver: SqliteDriver) -> set[UUID]:
    late = NOW + timedelta(minutes=1)
    session = await driver.join(WorkerInfo("w"), timedelta(hours=1), now=late)
    claims = await driver.claim(Claim(uuid7(), session.id, {"default": 99}), now=late)
    return {job.id for job in claims.jobs}
