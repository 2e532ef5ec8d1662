# pyright: reportPossiblyUnboundVariable=false
"""Several pools on one store, several queues in one pool, and a pool with nothing to do."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import anyio
import anyio.lowlevel
import pytest
from goncordia import Enqueue, State
from goncordia.retry import Fixed
from goncordia.testing import held, refused, reply_held

pytestmark = pytest.mark.anyio

STATEMENTS = ["claim", "finish", "beat", "rescue", "prune", "compare_and_set", "join", "leave"]


def statements(rig):
    return sum(rig.driver.calls[operation] for operation in STATEMENTS)


async def nothing(job):
    pass


async def test_an_idle_pool_asks_less_than_twice_a_second(rig):
    """By the default settings, over ten minutes."""
    rig.handle(nothing)
    async with rig.pool(poll=rig.driver.habits.poll) as pool:
        await rig.after(20, pool)
        before = statements(rig)
        await rig.after(600, pool)
        assert statements(rig) - before < 2 * 600
        assert rig.driver.calls["wake"] < 10, "no hint, no waking up"


async def test_a_pool_that_waits_for_a_job_does_not_ask_more_often(rig):
    rig.handle(nothing)
    async with rig.pool(poll=rig.driver.habits.poll) as pool:
        await rig.enqueue(run_at=timedelta(days=1))
        before = statements(rig)
        await rig.after(120, pool)
        assert statements(rig) - before < 2 * 120 + 20


async def test_many_hints_wake_for_as_many_claims_and_no_more(rig):
    rig.handle(nothing)
    async with rig.pool(concurrency=1) as pool:
        await rig.rest(pool)
        before = rig.driver.calls["claim"]
        for _ in range(20):
            await rig.enqueue()
        await rig.rest(pool)
        assert rig.driver.calls["claim"] - before <= 60


def leaders(pools):
    return [pool for pool in pools if pool.leads]


async def test_one_of_several_pools_leads_and_another_follows_at_once(rig):
    rig.handle(nothing)
    leave, left = {}, {}

    async def run():
        async with rig.pool(beat_every=1, session_ttl=10) as pool:
            leave[pool], left[pool] = anyio.Event(), anyio.Event()
            await leave[pool].wait()
        left[pool].set()

    async with anyio.create_task_group() as tasks:
        for _ in range(3):
            tasks.start_soon(run)
        while len(leave) < 3:
            await rig.quiet()
        pools = list(leave)
        await rig.after(5, pools[0])
        while pools:
            [leader] = leaders(pools)
            rescues = rig.driver.calls["rescue"]
            await rig.after(10, leader)
            assert leaders(pools) == [leader]
            assert 7 <= rig.driver.calls["rescue"] - rescues <= 15, "one of them looks"
            leave[leader].set()
            await left[leader].wait()
            pools.remove(leader)
            if pools:
                await rig.after(1.5, pools[0])
                assert len(leaders(pools)) == 1, "within a turn, not after the key's ttl"


async def test_a_leader_that_is_cut_off_is_replaced(rig):
    rig.handle(nothing)
    options = {"beat_every": 1, "session_ttl": 10}
    async with rig.pool(**options) as one:
        await rig.after(3, one)
        assert one.leads
        cut_off = rig.driver
        other = rig.reach()
        cut_off.always(refused(), "beat", "claim", "compare_and_set", "rescue", "finish")
        rig.driver = other
        async with rig.pool(**options) as two:
            await rig.after(2, two)
            assert not two.leads
            await rig.after(4.5, two)
            assert two.leads
            cut_off.heal()
            await rig.after(12, two)
            assert leaders([one, two]) == [two]


async def test_upkeep_prunes_what_has_expired(rig):
    rig.handle(nothing)
    async with rig.pool(beat_every=600, session_ttl=6000, poll=6000) as pool:
        ref = await rig.enqueue()
        await rig.rest(pool)
        row = await rig.row(ref)
        assert row.expire_at is not None
        await rig.after((row.expire_at - rig.clock.now()).total_seconds() - 60, pool)
        assert await rig.driver.get([ref], now=rig.clock.now()) == [row]
        await rig.after(3 * 3600, pool)
        assert await rig.driver.get([ref], now=rig.clock.now()) == [None]


# Queues.


async def test_no_queue_starves(rig):
    """One slot, four queues, of which three are always full."""
    ran = Counter()

    async def handler(job):
        ran[job.queue] += 1
        if job.queue != "d":
            await rig.client.enqueue(rig.Task(), queue=job.queue)

    rig.handle(handler)
    async with rig.pool(concurrency=1, queues=["a", "b", "c", "d"]):
        full = [Enqueue(rig.Task(), queue=queue) for queue in "abc" for _ in range(9)]
        await rig.client.enqueue_many(full)
        for _ in range(5):
            await rig.enqueue(queue="d")
        while ran["d"] < 5:
            await anyio.lowlevel.checkpoint()
        assert min(ran.values()) >= 4


async def test_a_queue_gets_what_the_others_leave(rig):
    here, most = 0, 0
    gate = anyio.Event()

    async def handler(job):
        nonlocal here, most
        here += 1
        most = max(most, here)
        await gate.wait()
        here -= 1

    rig.handle(handler)
    async with rig.pool(concurrency=9, queues=["a", "b", "c"]) as pool:
        for _ in range(12):
            await rig.enqueue(queue="b")
        await rig.rest(pool)
        assert most == 9
        gate.set()
        await pool.idle()


async def test_a_pause_is_seen_at_once_and_a_resume_wakes(rig):
    rig.handle(nothing)
    async with rig.pool() as pool:
        await rig.rest(pool)
        await rig.client.pause("default")
        ref = await rig.enqueue()
        await rig.after(5, pool)
        assert (await rig.row(ref)).state is State.AVAILABLE
        await rig.client.resume("default")
        while (await rig.row(ref)).state is not State.COMPLETED:  # and the clock stands still
            await anyio.lowlevel.checkpoint()


async def test_pools_share_a_store_without_running_anything_twice(rig):
    ran = Counter()

    async def handler(job):
        ran[job.id] += 1
        await anyio.lowlevel.checkpoint()

    rig.handle(handler)
    async with rig.pool(concurrency=3) as one, rig.pool(concurrency=3) as two:
        refs = await rig.enqueue_many(60)
        await rig.rest(one)
        await rig.rest(two)
        await one.idle()
        await two.idle()
    assert set(ran.values()) == {1}
    assert set(ran) == set(refs)


async def test_a_handler_may_run_a_pool_of_its_own(rig):
    async def handler(job):
        if job.args.n == 0:
            async with rig.pool(queues=["inner"]) as inner:
                await rig.enqueue(1, queue="inner")
                await inner.idle()

    rig.handle(handler)
    async with rig.pool() as pool:
        await rig.enqueue()
        while len((await rig.client.jobs(states=[State.COMPLETED])).rows) < 2:
            await anyio.lowlevel.checkpoint()
        await pool.idle()


# idle() and settled()


async def test_idle_is_not_fooled_by_a_queue_that_was_looked_at_before(rig):
    """With fewer slots than queues each claim looks at one of them only."""
    ran = []

    async def handler(job):
        ran.append(job.queue)

    rig.handle(handler)
    async with rig.pool(concurrency=1, queues=["a", "b", "c"]) as pool:
        for place in range(30):
            queue = "abc"[place % 3]
            await pool.idle()
            await rig.enqueue(queue=queue)
            await pool.idle()
            assert ran.pop() == queue


async def open_soon(gate):
    await anyio.lowlevel.checkpoint()
    gate.set()


@pytest.mark.parametrize("queue", ["a", "b"])
async def test_idle_is_not_fooled_by_a_round_that_began_before(rig, queue):
    """A queue was found empty, the other is asked next: the job comes in between."""
    gate, ran = anyio.Event(), []

    async def handler(job):
        ran.append(job.queue)

    rig.handle(handler)
    async with rig.pool(concurrency=1, queues=["a", "b"]) as pool, anyio.create_task_group() as t:
        await rig.rest(pool)
        calls = rig.driver.calls["claim"]
        rig.driver.next("claim", reply_held(gate))
        await rig.client.resume("a")  # a hint
        while rig.driver.calls["claim"] == calls:
            await anyio.lowlevel.checkpoint()
        await rig.quiet()
        await rig.enqueue(queue=queue)
        t.start_soon(open_soon, gate)
        await pool.idle()
        assert ran == [queue]


async def test_settled_claims_once_more_after_what_was_written_last(rig):
    """A job that is due at once was written while a claim was on its way, which did not see it."""
    begun, fail, seen, home, away, settled = (anyio.Event() for _ in range(6))

    async def handler(job):
        if job.attempt == 1:
            begun.set()
            await fail.wait()
            raise ValueError

    async def reply_late(send):
        answer = await send()
        seen.set()
        await home.wait()
        return answer

    async def settle():
        await pool.settled()
        settled.set()

    rig.handle(handler, retry=Fixed(timedelta(0)))
    async with rig.pool(concurrency=2) as pool, anyio.create_task_group() as tasks:
        ref = await rig.enqueue()
        await begun.wait()
        await rig.rest(pool)
        rig.driver.always(held(away), "claim")
        rig.driver.next("claim", reply_late)
        tasks.start_soon(settle)
        await seen.wait()
        fail.set()
        await rig.quiet()
        home.set()
        await rig.quiet()
        assert not settled.is_set()
        away.set()
        await settled.wait()
        assert (await rig.row(ref)).state is State.COMPLETED


async def test_idle_waits_for_what_is_due_and_for_nothing_else(rig):
    rig.handle(nothing)
    async with rig.pool() as pool:
        later = await rig.enqueue(run_at=rig.clock.now().replace(year=2027))
        now = await rig.enqueue()
        await pool.idle()
        assert (await rig.row(now)).state is State.COMPLETED
        assert (await rig.row(later)).state is State.SCHEDULED


async def test_jobs_run_when_they_fall_due(rig):
    """And not at the next poll: a claim says when it is worth asking again."""
    at = []

    async def handler(job):
        at.append(rig.clock.monotonic())

    rig.handle(handler)
    async with rig.pool(poll=100) as pool:
        for seconds in (30, 10.25, 20):
            await rig.enqueue(run_at=timedelta(seconds=seconds))
        await rig.after(31, pool)
    assert at == [10.25, 20, 30]


async def test_with_fewer_slots_than_queues_too(rig):
    at = []

    async def handler(job):
        at.append((job.queue, rig.clock.monotonic()))

    rig.handle(handler)
    async with rig.pool(poll=100, concurrency=1, queues=["a", "b", "c"]) as pool:
        for queue, seconds in (("a", 3), ("b", 2), ("c", 1)):
            await rig.enqueue(queue=queue, run_at=timedelta(seconds=seconds))
        await rig.after(4, pool)
    assert at == [("c", 1), ("b", 2), ("a", 3)]


@pytest.mark.parametrize("operations", [["claim"], ["finish"], ["beat"], ["claim", "finish"]])
async def test_settled_returns_while_the_store_is_away(rig, operations):
    rig.handle(nothing)
    async with rig.pool(flush_timeout=0.1) as pool:
        await rig.rest(pool)
        rig.driver.always(refused(), *operations)
        await rig.enqueue()
        await pool.settled()
        await rig.after(70, pool)
        rig.driver.heal()
        await rig.after(12, pool)
        assert len((await rig.client.jobs(states=[State.COMPLETED])).rows) == 1
