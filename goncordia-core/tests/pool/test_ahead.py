"""What a pool claims beyond its slots, while jobs are short."""

from __future__ import annotations

from collections.abc import Mapping

import anyio
import pytest
from goncordia import Args, Client, Job, Registry, State, worker_pool
from goncordia.answers import Filter
from goncordia.capabilities import Habits
from goncordia.memory import MemoryDriver
from goncordia.pool.ahead import LONGEST, TRIPS, Ahead
from goncordia.system_clock import SystemClock

pytestmark = pytest.mark.anyio

SLOTS = 4
TRIP = 0.005
"""Seconds of a claim."""


class Task(Args, kind="task"):
    slow: bool = False


class Other(Args, kind="other"):
    """Without a limit, so that the queue has none."""


class Distant(MemoryDriver):
    """As behind a network; notes how many jobs are claimed and have not ended."""

    def __init__(self) -> None:
        super().__init__()
        self.held = self.most_held = 0

    @property
    def habits(self) -> Habits:
        return Habits(ahead=True)

    async def claim(self, claim, *, now=None):
        await anyio.sleep(TRIP)
        claims = await super().claim(claim, now=now)
        self.held += len(claims.jobs)
        self.most_held = max(self.most_held, self.held)
        return claims

    async def finish(self, outcomes, *, tx=None, now=None):
        self.held -= len(outcomes)
        return await super().finish(outcomes, tx=tx, now=now)


async def ran_ahead(
    driver: Distant, takes: float = 0, kind_limits: Mapping[str, int] | None = None
) -> int:
    """Run short jobs; the most that ran at once."""
    jobs, running, most = Registry(), 0, 0

    @jobs.worker
    async def handler(job: Job[Task]):
        nonlocal running, most
        running += 1
        most = max(most, running)
        await anyio.sleep(takes)
        running -= 1

    @jobs.worker
    async def other(job: Job[Other]):
        pass

    await Client(driver).enqueue_many([Task() for _ in range(40 * SLOTS)])
    async with worker_pool(driver, jobs, concurrency=SLOTS, kind_limits=kind_limits or {}) as pool:
        await pool.idle()
    counts = await Client(driver).stats()
    assert [(c.state, c.n) for c in counts] == [(State.COMPLETED, 40 * SLOTS)]
    return most


async def test_short_jobs_are_claimed_while_others_run():
    driver = Distant()
    assert await ran_ahead(driver) <= SLOTS
    assert SLOTS < driver.most_held <= 3 * SLOTS  # two sets, and one that has yet to be written


async def test_no_job_is_put_off_that_was_claimed_ahead_of_its_kinds_limit():
    driver = Distant()
    await ran_ahead(driver, 2 * TRIP, kind_limits={"task": SLOTS})
    page = await driver.list(Filter(), limit=40 * SLOTS)
    assert {job.snoozes for job in page.rows} == {0}


async def test_what_is_stuck_behind_slow_jobs_goes_to_others():
    driver, jobs, gate = Distant(), Registry(), anyio.Event()
    started, all_started = 0, anyio.Event()

    @jobs.worker
    async def handler(job: Job[Task]):
        nonlocal started
        if job.args.slow:
            started += 1
            if started == 4 * SLOTS:
                all_started.set()
            await gate.wait()

    tasks = [Task() for _ in range(40 * SLOTS)] + [Task(slow=True) for _ in range(4 * SLOTS)]
    refs = await Client(driver).enqueue_many(tasks)
    async with worker_pool(driver, jobs, concurrency=SLOTS, beat_every=0.1) as first:
        while first.running < SLOTS:
            await anyio.sleep(0)
        async with worker_pool(driver, jobs, concurrency=4 * SLOTS) as second:
            with anyio.fail_after(20):
                await all_started.wait()
            gate.set()
            await first.idle()
            await second.idle()
    rows = [await Client(driver).get(ref.id) for ref in refs]
    assert {row and row.attempt for row in rows} == {1}


class Told(SystemClock):
    """Goes on when it is told to."""

    at = 0.0

    def monotonic(self) -> float:
        return self.at


@pytest.mark.parametrize(
    ("cycle", "trip", "expected"),
    [
        (TRIPS * 0.01, 0.01, SLOTS),
        (TRIPS * 0.01 + 0.001, 0.01, 0),
        (TRIPS * LONGEST + 0.001, 10.0, 0),  # a claim that was held up says nothing
        (0.0, 0.0, 0),
    ],
)
def test_a_set_is_short_that_lasts_for_few_claims(cycle, trip, expected):
    clock = Told()
    ahead = Ahead(clock, SLOTS)
    for ended in (0, SLOTS, 2 * SLOTS):
        clock.at += cycle
        ahead.claiming(ended)
    clock.at += trip
    ahead.claimed()
    assert ahead.jobs == expected
