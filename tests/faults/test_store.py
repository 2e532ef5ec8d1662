"""Whatever the store does, each job runs and ends as it should, and the pool goes on."""

# pyright: reportPossiblyUnboundVariable=false
from __future__ import annotations

from collections import Counter
from datetime import timedelta

import anyio
import anyio.lowlevel
import pytest
from goncordia import Fixed, Snooze, State, Unavailable
from goncordia.testing import held, lost, refused, reply_held

pytestmark = pytest.mark.anyio

OPERATIONS = ["join", "claim", "finish", "beat", "rescue", "prune", "compare_and_set", "leave"]
OUTAGES = ["claim", "finish", "beat", "listen", "wake", "rescue", "compare_and_set", "prune"]
FAULTS = {"refused": refused, "lost": lost}


class Work:
    """A handler that knows how often each job ran, and whether one ran twice at once."""

    def __init__(self, rig):
        self.rig = rig
        self.began = Counter()
        self.done = Counter()
        self.now = set()

    async def __call__(self, job):
        assert job.id not in self.now, "it runs twice at once"
        self.began[job.id] += 1
        self.now.add(job.id)
        try:
            await anyio.lowlevel.checkpoint()
        finally:
            self.now.discard(job.id)
        if job.args.n == 1 and job.attempt == 1:
            raise ValueError
        if job.args.n == 2 and not job.claim.snoozes:
            raise Snooze(2)
        if job.args.n == 3:
            job.then(self.rig.Task(100))
        self.done[job.id] += 1


async def scenario(rig, pool, seconds=20):
    """Enqueues jobs of all sorts and lets time pass."""
    refs = await rig.enqueue_many(6)
    await rig.after(seconds, pool)
    return refs


async def assert_all_done(rig, work, refs):
    rows = (await rig.client.jobs()).rows
    assert {row.id for row in rows} > set(refs)
    assert len(rows) == len(refs) + 1, "one follow-up, once"
    assert [row.state for row in rows] == [State.COMPLETED] * len(rows)
    assert all(work.done[row.id] == 1 for row in rows)
    attempts = {row.id: row.attempt for row in rows}
    assert [attempts[ref] for ref in refs] == [1, 2, 1, 1, 1, 1]


@pytest.mark.parametrize("operation", OUTAGES)
async def test_an_outage_of_ten_seconds(rig, operation):
    work = Work(rig)
    rig.handle(work, retry=Fixed(timedelta(seconds=1)))
    async with rig.pool(concurrency=2) as pool:
        await rig.rest(pool)
        rig.driver.down(rig.clock, 10, operation)
        before = rig.driver.calls[operation]
        refs = await rig.enqueue_many(6)
        await rig.after(10, pool)
        assert rig.driver.calls[operation] - before < 40, "it spins"
        await rig.after(20, pool)
        await assert_all_done(rig, work, refs)


async def test_an_outage_of_all_at_once(rig):
    work = Work(rig)
    rig.handle(work, retry=Fixed(timedelta(seconds=1)))
    async with rig.pool(concurrency=2) as pool:
        await rig.rest(pool)
        rig.driver.down(rig.clock, 10, *OUTAGES)
        refs = await rig.enqueue_many(6)
        await rig.after(9, pool)
        assert not work.began
        await rig.after(25, pool)
        await assert_all_done(rig, work, refs)


async def calls_of(opened, operation):
    """How often a run without a fault calls it."""
    async with opened() as rig:
        rig.handle(Work(rig), retry=Fixed(timedelta(seconds=1)))
        async with rig.pool(concurrency=2) as pool:
            await scenario(rig, pool, 8)
        return rig.driver.calls[operation]


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("operation", ["claim", "finish", "beat", "rescue", "compare_and_set"])
async def test_a_fault_at_any_one_call(opened, operation, fault):
    """Enumerated: each call that a run makes fails in one run of its own."""
    number = await calls_of(opened, operation)
    assert number
    for call in range(1, number + 1):
        async with opened() as rig:
            work = Work(rig)
            rig.handle(work, retry=Fixed(timedelta(seconds=1)))
            rig.driver.at(operation, call, FAULTS[fault]())
            async with rig.pool(concurrency=2) as pool:
                refs = await scenario(rig, pool, 12)
            await assert_all_done(rig, work, refs)


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("operation", ["leave", "finish", "compare_and_set"])
async def test_a_fault_at_the_very_end(rig, operation, fault):
    work = Work(rig)
    rig.handle(work)
    async with rig.pool() as pool:
        await rig.rest(pool)
        ref = await rig.enqueue()
        rig.driver.next(operation, FAULTS[fault]())
        while not work.done:
            await anyio.lowlevel.checkpoint()
    assert (await rig.row(ref)).state is State.COMPLETED
    assert await rig.driver.sessions() == []


@pytest.mark.parametrize("fault", FAULTS)
async def test_an_insert_whose_answer_is_lost_makes_one_job(rig, fault):
    work = Work(rig)
    rig.handle(work)
    async with rig.pool() as pool, anyio.create_task_group() as tasks:
        await rig.rest(pool)
        for call in (1, 2):
            rig.driver.at("insert", call, FAULTS[fault]())
        tasks.start_soon(rig.enqueue)
        await rig.after(2, pool)
    [row] = (await rig.client.jobs()).rows
    assert row.state is State.COMPLETED
    assert work.done == {row.id: 1}


@pytest.mark.parametrize("operation", [*OPERATIONS, "listen", "wake"])
async def test_an_error_that_is_a_bug_ends_the_pool_as_itself(rig, operation):
    rig.handle(Work(rig))
    bug = ZeroDivisionError("a bug in the driver")
    rig.driver.always(refused(bug), operation)
    await rig.enqueue()
    with pytest.raises(ZeroDivisionError) as raised:
        async with rig.pool() as pool:
            await rig.after(20, pool)
    assert raised.value is bug
    rig.driver.heal()
    async with rig.pool() as pool:
        await rig.after(120, pool)
    [row] = (await rig.client.jobs()).rows
    assert row.state is State.COMPLETED


async def test_a_store_that_is_down_at_the_start_is_told_at_once(rig):
    rig.driver.down(rig.clock, 1, "join")
    with pytest.raises(Unavailable):
        async with rig.pool():
            raise AssertionError


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_lost_session_is_joined_anew_however_often_that_fails(rig, fault):
    work = Work(rig)
    rig.handle(work)
    async with rig.pool() as pool:
        await rig.rest(pool)
        first = pool.session
        for call in (2, 3, 4):
            rig.driver.at("join", call, FAULTS[fault]())
        await rig.driver.leave(first)
        ref = await rig.enqueue()
        await rig.after(10, pool)
        assert pool.session not in (None, first)
        assert (await rig.row(ref)).state is State.COMPLETED


async def test_a_beat_that_hangs_is_not_waited_for(rig):
    rig.handle(Work(rig))
    never = anyio.Event()
    rig.driver.at("beat", 2, held(never))
    async with rig.pool() as pool:
        await rig.after(60, pool)
        assert rig.driver.calls["beat"] > 8
        [session] = await rig.driver.sessions()
        assert session.id == pool.session
        ref = await rig.enqueue()
        await rig.rest(pool)
        assert (await rig.row(ref)).state is State.COMPLETED


async def test_a_claim_that_comes_home_after_its_session_ended_starts_nothing(rig):
    work = Work(rig)
    rig.handle(work)
    home = anyio.Event()
    async with rig.pool(poll=1) as pool:  # it looks by itself, whenever a hint may come
        await rig.rest(pool)
        first = pool.session
        rig.driver.next("claim", reply_held(home))
        ref = await rig.enqueue()
        await rig.quiet()
        await rig.clock.advance(1.3)
        await rig.quiet()
        assert (await rig.row(ref)).state is State.RUNNING
        await rig.driver.leave(first)
        while pool.session in (None, first):
            await rig.clock.advance(1)
            await rig.quiet()
        await rig.driver.rescue(10, now=rig.clock.now())
        home.set()
        await rig.rest(pool)
        assert not work.began
        await rig.after(30, pool)
    assert work.done == {ref: 1}
