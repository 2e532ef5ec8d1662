"""What operators do to jobs."""

from __future__ import annotations

from datetime import timedelta

import pytest
from goncordia.actions import Acted, Amend, Cancel, Delete, Retry
from goncordia.errors import InvalidArgument
from goncordia.ids import uuid7
from goncordia.jobs import completed, discarded, failed
from goncordia.lifecycle import State

from goncordia_conformance.bench import Bench, error, key
from goncordia_conformance.case import case

SOON = timedelta(seconds=30)


@case()
async def cancel_ends_waiting_jobs(bench: Bench) -> None:
    """A cancelled job that waited never runs."""
    jobs = [bench.new(), bench.new(run_at=SOON)]
    await bench.there(*jobs)
    assert await bench.act(Cancel(), *jobs) == [Acted.CHANGED] * 2
    assert [await bench.state(job) for job in jobs] == [State.CANCELLED] * 2
    bench.wait(60)
    assert await (await bench.worker()).take() == []


@case()
async def cancel_of_a_retryable_job_ends_it(bench: Bench) -> None:
    """Also one that waits for its next attempt."""
    _, job = await bench.running()
    await bench.finish(failed(job, error(bench), SOON))
    assert await bench.act(Cancel(), job) == [Acted.CHANGED]
    assert await bench.state(job) is State.CANCELLED


@case()
async def cancel_of_a_running_job_is_asked_for(bench: Bench) -> None:
    """A running job goes on, and its holder is asked to stop."""
    _, job = await bench.running()
    assert await bench.act(Cancel(), job) == [Acted.REQUESTED]
    row = await bench.row(job)
    assert (row.state, row.cancel_requested) == (State.RUNNING, True)


@case()
async def answers_for_each_job_at_its_place(bench: Bench) -> None:
    """Missing, ended, running and waiting jobs are answered one by one."""
    _, done = await bench.running()
    await bench.finish(completed(done))
    _, running = await bench.running()
    waiting = bench.new()
    await bench.there(waiting)
    answers = await bench.act(Cancel(), uuid7(), done, running, waiting)
    assert answers == [Acted.MISSING, Acted.WRONG_STATE, Acted.REQUESTED, Acted.CHANGED]


@case()
async def retry_runs_an_ended_job_again(bench: Bench) -> None:
    """A retried job forgets how it ended, and has at least one attempt more."""
    worker, job = await bench.running(bench.new(max_attempts=1))
    await bench.finish(discarded(job, error(bench)))
    assert await bench.act(Retry(), job) == [Acted.CHANGED]
    row = await bench.row(job)
    assert (row.state, row.finished_at, row.expire_at) == (State.AVAILABLE, None, None)
    assert row.max_attempts == 2
    assert [again.attempt for again in await worker.take()] == [2]


@case()
async def retry_clears_the_result(bench: Bench) -> None:
    """The result of the run before is gone."""
    _, job = await bench.running()
    await bench.finish(completed(job, b"1"))
    await bench.act(Retry(SOON), job)
    row = await bench.row(job)
    assert (row.state, row.result, row.run_at) == (State.SCHEDULED, None, bench.now + SOON)


@case()
async def retry_of_a_running_job_is_refused(bench: Bench) -> None:
    """Nothing runs twice by a retry."""
    _, job = await bench.running()
    assert await bench.act(Retry(), job) == [Acted.RUNNING]
    assert await bench.state(job) is State.RUNNING


@case()
async def amend_changes_when_and_how_urgently(bench: Bench) -> None:
    """A waiting job gets another time and priority; what is not named stays."""
    job = bench.new(priority=1)
    await bench.there(job)
    assert await bench.act(Amend(run_at=SOON), job) == [Acted.CHANGED]
    row = await bench.row(job)
    assert (row.state, row.run_at, row.priority) == (State.SCHEDULED, bench.now + SOON, 1)
    assert await bench.act(Amend(priority=-3), job) == [Acted.CHANGED]
    row = await bench.row(job)
    assert (row.run_at, row.priority) == (bench.now + SOON, -3)


@case()
async def amend_of_others_is_refused(bench: Bench) -> None:
    """What runs or has ended can't be amended."""
    _, job = await bench.running()
    assert await bench.act(Amend(priority=3), job) == [Acted.RUNNING]
    await bench.finish(completed(job))
    assert await bench.act(Amend(priority=3), job) == [Acted.WRONG_STATE]


@case()
async def amend_to_nonsense_is_refused(bench: Bench) -> None:
    """A priority that no job may have, and a time without a zone."""
    job = bench.new()
    await bench.there(job)
    with pytest.raises(InvalidArgument, match="priority"):
        await bench.act(Amend(priority=16), job)
    with pytest.raises(InvalidArgument, match="time zone"):
        await bench.act(Amend(run_at=bench.now.replace(tzinfo=None)), job)
    assert (await bench.row(job)).priority == 0


@case()
async def delete_removes_a_job(bench: Bench) -> None:
    """A deleted job is gone, and its id free."""
    job = bench.new()
    await bench.there(job)
    assert await bench.act(Delete(), job) == [Acted.CHANGED]
    assert await bench.state(job) is None
    assert await bench.act(Delete(), job) == [Acted.MISSING]
    await bench.there(job)


@case()
async def delete_of_a_running_job_is_refused(bench: Bench) -> None:
    """A worker does not lose its job under its hands."""
    _, job = await bench.running()
    assert await bench.act(Delete(), job) == [Acted.RUNNING]
    assert await bench.state(job) is State.RUNNING


@case("unique")
async def retry_takes_the_unique_key_again_or_conflicts(bench: Bench) -> None:
    """A retried job does not run beside another that holds its key by now."""
    first, second = bench.new(unique=key("x")), bench.new(unique=key("x"))
    await bench.there(first)
    await bench.act(Cancel(), first)
    await bench.there(second)
    assert await bench.act(Retry(), first) == [Acted.CONFLICT]
    assert await bench.state(first) is State.CANCELLED
    await bench.act(Cancel(), second)
    assert await bench.act(Retry(), first) == [Acted.CHANGED]
    assert await bench.act(Retry(), second) == [Acted.CONFLICT]
