"""A pool over stores that promise less than memory can."""

from __future__ import annotations

from dataclasses import replace

import pytest
from goncordia import Args, Client, Job, Registry, State, worker_pool
from goncordia.capabilities import Habits
from goncordia.errors import CapabilityMissing, TransactionsUnsupported
from goncordia.memory import STRONG, MemoryDriver
from goncordia.testing import MockClock

pytestmark = pytest.mark.anyio


class Task(Args, kind="task"):
    commits: bool = True


async def run(driver, handler, task):
    jobs = Registry()
    jobs.worker(args=Task)(handler)
    client = Client(driver)
    async with worker_pool(driver, jobs) as pool:
        ref = (await client.enqueue(task)).id
        while True:
            await pool.idle()
            row = await client.get(ref)
            if row is not None and row.state is not State.AVAILABLE:
                return row


@pytest.mark.parametrize("commits", [True, False])
async def test_a_staged_completion_counts_when_it_is_committed(commits):
    driver = MemoryDriver(capabilities=replace(STRONG, tx_insert="staged", tx_finish="staged"))

    async def handler(job: Job[Task]):
        try:
            async with driver.begin() as tx:
                await job.complete(tx=tx)
                if not job.args.commits:
                    raise KeyError
        except KeyError:
            pass

    row = await run(driver, handler, Task(commits))
    if commits:
        assert (row.state, row.errors) == (State.COMPLETED, ())
    else:
        assert (row.state, row.errors[0].type) == (State.RETRYABLE, "TransactionNotCommitted")


async def test_a_store_without_transactions_says_so():
    driver = MemoryDriver(capabilities=replace(STRONG, tx_insert="none", tx_finish="none"))

    async def handler(job: Job[Task]):
        with pytest.raises(TransactionsUnsupported):
            await job.complete(tx=object())

    assert (await run(driver, handler, Task())).state is State.COMPLETED


async def test_a_store_without_follow_ups_says_so():
    driver = MemoryDriver(capabilities=replace(STRONG, follow_up=False))

    async def handler(job: Job[Task]):
        with pytest.raises(CapabilityMissing):
            job.then(Task())

    assert (await run(driver, handler, Task())).state is State.COMPLETED


@pytest.mark.parametrize("less", [{"claim_sees": "eventual"}, {"order": "none"}, {"wake": "poll"}])
async def test_jobs_run_all_the_same(less):
    driver = MemoryDriver(capabilities=replace(STRONG, **less))
    jobs, client, ran = Registry(), Client(driver), []

    @jobs.worker
    async def handler(job: Job[Task]):
        ran.append(job.id)

    async with worker_pool(driver, jobs, poll=0.01) as pool:
        refs = [(await client.enqueue(Task())).id for _ in range(20)]
        while len(ran) < 20:
            await pool.idle()
    assert sorted(ran) == sorted(refs)


@pytest.mark.parametrize("itself", [True, False])
async def test_a_store_that_prunes_itself_is_left_alone(itself):
    pruned = 0

    class Pruning(MemoryDriver):
        @property
        def habits(self) -> Habits:
            return Habits(prunes_itself=itself)

        async def prune(self, limit, *, now=None):
            nonlocal pruned
            pruned += 1
            return await super().prune(limit, now=now)

    clock = MockClock()
    async with worker_pool(Pruning(), Registry(), clock=clock, beat_every=5):
        await clock.advance(30)
    assert bool(pruned) is not itself
