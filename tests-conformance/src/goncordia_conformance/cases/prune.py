"""Pruning."""

from __future__ import annotations

from goncordia.answers import Finished
from goncordia.jobs import completed
from goncordia.lifecycle import State
from goncordia.retention import RESEND_WINDOW

from goncordia_conformance.bench import Bench
from goncordia_conformance.case import case


@case()
async def keeps_ended_jobs_for_the_resend_window(bench: Bench) -> None:
    """Each job that ends says until when it is kept, a minute at least."""
    _, job = await bench.running()
    await bench.finish(completed(job))
    row = await bench.row(job)
    assert row.expire_at is not None
    assert row.expire_at >= bench.now + RESEND_WINDOW
    bench.wait(59)
    assert await bench.prune() == 0
    assert await bench.finish(completed(job)) == [Finished.DONE]


@case()
async def removes_what_expired(bench: Bench) -> None:
    """An ended job is gone after its retention, and not before."""
    _, job = await bench.running()
    await bench.finish(completed(job))
    kept = (await bench.row(job)).expire_at
    assert kept is not None
    bench.now = kept
    bench.wait(-1)
    assert await bench.prune() == 0
    bench.wait(2)
    assert await bench.prune() == 1
    assert await bench.state(job) is None
    assert await bench.finish(completed(job)) == [Finished.GONE]


@case()
async def leaves_living_jobs(bench: Bench) -> None:
    """However old, a job that has not ended stays."""
    _, job = await bench.running()
    waiting = bench.new()
    await bench.there(waiting)
    bench.wait(100 * 86_400)
    assert await bench.prune() == 0
    assert await bench.state(job) is State.RUNNING
    assert await bench.state(waiting) is State.AVAILABLE


@case()
async def goes_in_bounded_steps(bench: Bench) -> None:
    """Prune removes at most so many, and says whether there is more."""
    await bench.there(*(bench.new() for _ in range(5)))
    worker = await bench.worker()
    await bench.finish(*(completed(job) for job in await worker.take(5)))
    bench.wait(100 * 86_400)
    removed = 0
    while True:
        progress = await bench.driver.prune(2, now=bench.now)
        assert progress.n <= 2
        removed += progress.n
        if not progress.more:
            break
    assert removed == 5
    assert await bench.ids() == []
