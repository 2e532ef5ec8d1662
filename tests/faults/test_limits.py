# pyright: reportPossiblyUnboundVariable=false
"""At most so many at once of a queue or a kind, nothing lost or starved by that; and weights."""

from __future__ import annotations

from collections import Counter
from itertools import accumulate

import anyio
import anyio.lowlevel
import pytest
from goncordia import Args, Enqueue, State
from goncordia.testing import lost, refused

pytestmark = pytest.mark.anyio


class Render(Args, kind="render"):
    pass


class Crowd:
    """A handler that counts how many are in it at once, and lets them go one by one."""

    def __init__(self):
        self.here, self.most, self.ran = Counter(), Counter(), []
        self.gates = []

    async def __call__(self, job):
        for word in (job.kind, job.queue):
            self.here[word] += 1
            self.most[word] = max(self.most[word], self.here[word])
        self.ran.append(job.kind)
        gate = anyio.Event()
        self.gates.append(gate)
        await gate.wait()
        for word in (job.kind, job.queue):
            self.here[word] -= 1

    def let_go(self):
        gates, self.gates = self.gates, []
        for gate in gates:
            gate.set()


@pytest.fixture
def crowd(rig):
    crowd = Crowd()
    rig.handle(crowd)
    rig.jobs.worker(args=Render)(crowd)
    return crowd


async def run_all(rig, crowd, pool, n):
    """Until so many have ended; time passes where jobs were put off."""
    while True:
        await rig.rest(pool)
        if len(crowd.ran) == n and not crowd.gates:
            return
        crowd.let_go()
        await rig.clock.advance(0.5)


async def rows(rig):
    return [row async for row in rig.client.all_jobs()]


async def test_a_queue_keeps_its_limit_and_others_take_the_slots(rig, crowd):
    async with rig.pool(
        concurrency=10, queues=["slow", "default"], queue_limits={"slow": 3}
    ) as pool:
        await rig.client.enqueue_many([Enqueue(rig.Task(), queue="slow") for _ in range(20)])
        await rig.enqueue_many(20)
        await rig.rest(pool)
        assert crowd.here == {"task": 10, "slow": 3, "default": 7}
        claimed = [row for row in await rows(rig) if row.state is State.RUNNING]
        assert Counter(row.queue for row in claimed) == {"slow": 3, "default": 7}
        await run_all(rig, crowd, pool, 40)
    assert crowd.most["slow"] == 3
    assert all(row.state is State.COMPLETED and row.snoozes == 0 for row in await rows(rig))


async def test_an_ended_job_opens_its_queue_at_once(rig, crowd):
    """And not at the next poll; the other queue has nothing to do."""
    async with rig.pool(
        concurrency=10, queues=["slow", "default"], queue_limits={"slow": 1}, poll=1000
    ) as pool:
        await rig.client.enqueue_many([Enqueue(rig.Task(), queue="slow") for _ in range(5)])
        await rig.rest(pool)
        for n in range(1, 6):
            await rig.quiet()  # nobody else wakes the pool, as `rest` would
            assert len(crowd.ran) == n
            crowd.let_go()
        await pool.idle()


async def test_a_pool_of_limited_queues_rests_when_all_are_full(rig, crowd):
    limits = {"a": 1, "b": 2}
    async with rig.pool(queues=["a", "b"], queue_limits=limits) as pool:
        await rig.client.enqueue_many(
            [Enqueue(rig.Task(), queue=queue) for queue in "ab" for _ in range(6)]
        )
        await rig.rest(pool)
        claims = rig.driver.calls["claim"]
        await rig.after(60, pool)
        assert rig.driver.calls["claim"] == claims
        await run_all(rig, crowd, pool, 12)
    assert {queue: crowd.most[queue] for queue in "ab"} == limits


async def test_a_kind_keeps_its_limit_and_what_is_behind_it_runs(rig, crowd):
    async with rig.pool(concurrency=4, kind_limits={"render": 1}) as pool:
        await rig.client.enqueue_many([Render() for _ in range(30)])
        await rig.enqueue_many(3)
        await rig.rest(pool)
        assert crowd.here == {"render": 1, "task": 3, "default": 4}
        held = [row for row in await rows(rig) if row.state is State.RUNNING]
        assert len(held) == 4, "what can't run is not held"
        await run_all(rig, crowd, pool, 33)
    assert crowd.most["render"] == 1
    assert {(row.state, row.attempt, row.errors) for row in await rows(rig)} == {
        (State.COMPLETED, 1, ())
    }


async def test_each_pool_has_limits_of_its_own_and_takes_what_another_put_off(rig, crowd):
    options = {"concurrency": 3, "kind_limits": {"render": 1}}
    async with rig.pool(**options) as one:
        await rig.client.enqueue_many([Render() for _ in range(12)])
        await rig.rest(one)
        async with rig.pool(**options) as two:
            for _ in range(200):
                if two.running:
                    break
                await rig.after(0.5, two)
            assert (one.running, two.running) == (1, 1)
            await finish_all(rig, crowd, one, two)
    assert crowd.most["render"] == 2
    assert {(row.state, row.attempt) for row in await rows(rig)} == {(State.COMPLETED, 1)}


async def finish_all(rig, crowd, one, two):
    """Both pools run all twelve, each one at a time."""
    for _ in range(200):
        await rig.rest(one)
        await rig.rest(two)
        assert max(one.running, two.running) <= 1
        if len(crowd.ran) == 12 and not crowd.gates:
            return
        crowd.let_go()
        await rig.clock.advance(5)
    raise AssertionError(f"{len(crowd.ran)} of 12 jobs ran")


async def test_a_kind_in_a_queue_of_its_own_is_never_put_off(rig, crowd):
    Render.__goncordia_options__ = Render.__goncordia_options__.__class__(queue="renders")
    try:
        async with rig.pool(concurrency=9, kind_limits={"render": 2}) as pool:
            await rig.client.enqueue_many([Render() for _ in range(12)])
            await rig.enqueue_many(12)
            await rig.rest(pool)
            assert crowd.here == {"render": 2, "renders": 2, "task": 7, "default": 7}
            await run_all(rig, crowd, pool, 24)
        assert {row.snoozes for row in await rows(rig)} == {0}
    finally:
        Render.__goncordia_options__ = type(Render.__goncordia_options__)()


async def test_idle_waits_for_what_was_put_off(rig, crowd):
    done = []

    async def wait(pool):
        await pool.idle()
        done.append(True)

    async with (
        rig.pool(concurrency=4, kind_limits={"render": 1}) as pool,
        anyio.create_task_group() as tasks,
    ):
        await rig.client.enqueue_many([Render() for _ in range(4)])
        await rig.rest(pool)
        tasks.start_soon(wait, pool)
        for n in range(1, 5):
            while len(crowd.ran) < n:
                await rig.after(0.5, pool)
            assert not done
            crowd.let_go()
        await rig.after(20, pool)
        assert done


async def test_jobs_that_are_put_off_come_back_in_time(rig, crowd):
    """One after the other as the first end, and not all at once again and again."""
    async with rig.pool(concurrency=4, kind_limits={"render": 2}) as pool:
        await rig.client.enqueue_many([Render() for _ in range(20)])
        seconds = 0
        while len(crowd.ran) < 20 or crowd.gates:
            crowd.let_go()
            await rig.after(10, pool)
            seconds += 10
        assert seconds <= 200, "ten pairs of ten seconds each, and twice that for luck"
    snoozes = [row.snoozes for row in await rows(rig)]
    assert sum(snoozes) <= 5 * len(snoozes)


@pytest.mark.parametrize("fault", [refused, lost])
async def test_no_place_is_lost_with_a_reply(rig, crowd, fault):
    """However often the store is away, as many jobs as may run at once do so afterwards."""
    options = {"concurrency": 4, "queues": ["slow", "default"], "queue_limits": {"slow": 2}}
    async with rig.pool(**options, kind_limits={"render": 1}) as pool:
        for _ in range(4):
            await rig.rest(pool)
            for operation in ("claim", "finish"):
                rig.driver.next(operation, fault())
            ran = len(crowd.ran)
            await rig.client.enqueue_many([Render(), Render(), rig.Task()])
            await rig.client.enqueue_many([Enqueue(rig.Task(), queue="slow") for _ in range(3)])
            await run_all(rig, crowd, pool, ran + 6)
        await rig.client.enqueue_many([Enqueue(rig.Task(), queue="slow") for _ in range(5)])
        await rig.client.enqueue_many([Render(), Render(), Render(), rig.Task()])
        await rig.rest(pool)
        assert crowd.here == {"render": 1, "task": 3, "slow": 2, "default": 2}
        await run_all(rig, crowd, pool, 33)
    assert {(row.state, row.attempt) for row in await rows(rig)} == {(State.COMPLETED, 1)}


async def test_what_is_put_off_while_the_pool_ends_is_nobodys(rig, crowd):
    async with rig.pool(concurrency=4, kind_limits={"render": 1}, shutdown_timeout=0):
        await rig.client.enqueue_many([Render() for _ in range(9)])
        while not crowd.gates:
            await anyio.lowlevel.checkpoint()
    found = await rows(rig)
    assert {row.attempt for row in found} == {0}
    assert {row.state for row in found} <= {State.AVAILABLE, State.SCHEDULED}


async def test_weights_share_ten_thousand_jobs(rig):
    """All queues are full to the end: at any time each has had its part, to a claim's width."""
    weights, concurrency, ran = {"a": 5, "b": 3, "c": 2}, 10, []

    async def handler(job):
        ran.append(job.queue)

    rig.handle(handler)
    jobs = [Enqueue(rig.Task(), queue=q) for q, weight in weights.items() for _ in range(weight)]
    await rig.client.enqueue_many(jobs * 1000)
    async with rig.pool(concurrency=concurrency, queues=list(weights), weights=weights) as pool:
        await pool.idle()
    assert Counter(ran) == {"a": 5000, "b": 3000, "c": 2000}
    for queue, weight in weights.items():
        for n, so_far in enumerate(accumulate(each == queue for each in ran), 1):
            assert abs(so_far - n * weight / 10) <= concurrency + len(weights)


async def test_a_light_queue_does_not_starve(rig):
    """One slot, and a queue beside it that is always full and weighs twenty times as much."""
    ran = []

    async def handler(job):
        ran.append(job.queue)
        if job.queue == "heavy":
            await rig.client.enqueue(rig.Task(), queue="heavy")

    rig.handle(handler)
    weights = {"heavy": 20, "light": 1}
    async with rig.pool(concurrency=1, queues=list(weights), weights=weights):
        await rig.client.enqueue_many([Enqueue(rig.Task(), queue="heavy") for _ in range(5)])
        while len(ran) < 50:
            await anyio.lowlevel.checkpoint()
        for _ in range(3):
            await rig.enqueue(queue="light")
            behind = len(ran)
            while "light" not in ran[behind:]:
                await anyio.lowlevel.checkpoint()
            assert len(ran) - behind <= 45
