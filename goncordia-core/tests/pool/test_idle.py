"""`idle` never returns while a job is due, whatever handlers enqueue."""

from __future__ import annotations

import anyio.lowlevel
import pytest
from goncordia import Args, Client, Job, Registry, State, worker_pool
from goncordia.memory import MemoryDriver
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytestmark = pytest.mark.anyio


class Tree(Args, kind="tree"):
    waits: int
    how: str
    queue: str
    children: list[Tree] = []


waits, queues = st.integers(0, 4), st.sampled_from("abc")
leaves = st.builds(Tree, waits, st.sampled_from(["then", "client", "raise"]), queues)
trees = st.recursive(
    leaves,
    lambda child: st.builds(
        Tree, waits, st.sampled_from(["then", "client"]), queues, st.lists(child, max_size=3)
    ),
    max_leaves=12,
)


@given(forest=st.lists(trees, min_size=1, max_size=4), concurrency=st.integers(1, 4))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_idle_waits_for_all_that_follows(anyio_backend, forest, concurrency):
    driver, jobs = MemoryDriver(), Registry()
    client = Client(driver)

    @jobs.worker(args=Tree)
    async def handler(job: Job[Tree]):
        for _ in range(job.args.waits):
            await anyio.lowlevel.checkpoint()
        for child in job.args.children:
            if job.args.how == "then":
                job.then(child)
            else:
                await client.enqueue(child, queue=child.queue)
        if job.args.how == "raise":
            raise ValueError

    every = ["a", "b", "c", "default"]
    async with worker_pool(driver, jobs, concurrency=concurrency, queues=every) as pool:
        for tree in forest:
            await client.enqueue(tree, queue=tree.queue)
        await pool.idle()
        counts = {(c.queue, c.state) for c in await client.stats()}
        assert not {state for _, state in counts} & {State.AVAILABLE, State.RUNNING}
        assert pool.running == 0
        done = sum(c.n for c in await client.stats())
        assert done == sum(size(tree) for tree in forest)


def size(tree: Tree) -> int:
    return 1 + sum(size(child) for child in tree.children)
