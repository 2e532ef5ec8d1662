"""On trio's own mock clock a pool over memory needs no other: its waits jump."""

from __future__ import annotations

from datetime import timedelta

import anyio
import trio
import trio.testing
from goncordia import Args, CancelReason, Client, Fixed, Job, Registry, State, worker_pool
from goncordia.memory import MemoryDriver


class Task(Args, kind="task"):
    pass


def test_a_timeout_comes_at_once_and_is_told_as_one():
    jobs, reasons = Registry(), []

    @jobs.worker(timeout=3600, retry=Fixed(timedelta(0)))
    async def handler(job: Job[Task]):
        if job.attempt > 1:
            return
        try:
            await anyio.sleep_forever()
        finally:
            reasons.append(job.cancel_reason)

    async def main():
        async with MemoryDriver() as driver, worker_pool(driver, jobs) as pool:
            client = Client(driver)
            ref = (await client.enqueue(Task())).id
            await pool.idle()
            row = await client.get(ref)
            assert row is not None
            return row

    row = trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
    assert (row.state, row.attempt) == (State.COMPLETED, 2)
    assert row.errors[0].type == "JobTimeout"
    assert reasons == [CancelReason.TIMEOUT]
