"""Recording outcomes."""

from __future__ import annotations

from datetime import timedelta

from goncordia.actions import Cancel, Delete, Retry
from goncordia.answers import Finished
from goncordia.ids import uuid7
from goncordia.jobs import (
    KEPT_ERRORS,
    cancelled,
    completed,
    discarded,
    failed,
    released,
    snoozed,
)
from goncordia.lifecycle import State
from msgspec.structs import replace

from goncordia_conformance.bench import Bench, error
from goncordia_conformance.case import case

SOON = timedelta(seconds=30)


@case()
async def completed_keeps_the_result(bench: Bench) -> None:
    """A completed job has ended, with its result."""
    _, job = await bench.running()
    bench.wait(1)
    assert await bench.finish(completed(job, b'{"r": 1.0}')) == [Finished.DONE]
    row = await bench.row(job)
    assert (row.state, row.result, row.finished_at) == (
        State.COMPLETED,
        b'{"r": 1.0}',
        bench.now,
    )
    assert row.session is None


@case()
async def failed_waits_for_its_next_attempt(bench: Bench) -> None:
    """A failed job keeps the error, and runs again at its time."""
    worker, job = await bench.running()
    await bench.finish(failed(job, error(bench), SOON))
    row = await bench.row(job)
    assert (row.state, row.run_at) == (State.RETRYABLE, bench.now + SOON)
    assert row.errors == (error(bench),)
    assert await worker.take() == []
    bench.wait(30)
    assert (await worker.take())[0].attempt == 2


@case()
async def failed_for_the_last_time_is_discarded(bench: Bench) -> None:
    """A job whose attempts are spent ends."""
    _, job = await bench.running(bench.new(max_attempts=1))
    await bench.finish(failed(job, error(bench), SOON))
    assert await bench.state(job) is State.DISCARDED


@case()
async def discarded_ends_at_once(bench: Bench) -> None:
    """An error that says so ends the job, whatever attempts are left."""
    _, job = await bench.running()
    await bench.finish(discarded(job, error(bench)))
    row = await bench.row(job)
    assert (row.state, row.errors) == (State.DISCARDED, (error(bench),))


@case()
async def cancelled_keeps_the_error(bench: Bench) -> None:
    """A job that its worker cancelled has ended, with the error."""
    _, job = await bench.running()
    await bench.finish(cancelled(job, error(bench)))
    row = await bench.row(job)
    assert (row.state, row.errors) == (State.CANCELLED, (error(bench),))


@case()
async def snoozed_gives_the_attempt_back(bench: Bench) -> None:
    """A snooze costs no attempt, and is counted."""
    worker, job = await bench.running(bench.new(max_attempts=1))
    await bench.finish(snoozed(job, SOON))
    row = await bench.row(job)
    assert (row.state, row.attempt, row.snoozes) == (State.SCHEDULED, 0, 1)
    bench.wait(30)
    assert [again.attempt for again in await worker.take()] == [1]


@case()
async def snoozed_is_a_second_ahead_at_least(bench: Bench) -> None:
    """A snooze of nothing is no hot loop."""
    worker, job = await bench.running()
    await bench.finish(snoozed(job, timedelta(0)))
    assert (await bench.row(job)).run_at == bench.now + timedelta(seconds=1)
    assert await worker.take() == []


@case()
async def released_is_as_if_never_claimed(bench: Bench) -> None:
    """A job given back is available, its attempt unspent."""
    worker, job = await bench.running()
    await bench.finish(released(job))
    row = await bench.row(job)
    assert (row.state, row.attempt, row.session) == (State.AVAILABLE, 0, None)
    assert [again.id for again in await worker.take()] == [job.id]


@case()
async def under_another_token_is_lost(bench: Bench) -> None:
    """An outcome under a token that does not hold the job changes nothing."""
    _, job = await bench.running()
    before = await bench.row(job)
    for outcome in (completed(job), released(job), failed(job, error(bench), SOON)):
        assert await bench.finish(replace(outcome, token=uuid7())) == [Finished.LOST]
    assert await bench.row(job) == before


@case()
async def of_an_earlier_run_is_lost(bench: Bench) -> None:
    """The token of a run that ended says nothing about the next."""
    worker, job = await bench.running()
    await bench.finish(released(job))
    [again] = await worker.take()
    assert await bench.finish(completed(job)) == [Finished.LOST]
    assert await bench.state(job) is State.RUNNING
    assert await bench.finish(completed(again)) == [Finished.DONE]


@case()
async def sent_again_is_done_and_changes_nothing(bench: Bench) -> None:
    """An outcome whose answer was lost is sent again, and done already."""
    _, job = await bench.running()
    outcome = failed(job, error(bench), SOON)
    await bench.finish(outcome)
    before = await bench.row(job)
    bench.wait(5)
    assert await bench.finish(outcome) == [Finished.DONE]
    assert await bench.row(job) == before


@case()
async def another_outcome_of_the_same_run_is_lost(bench: Bench) -> None:
    """Only the outcome that was recorded is done when sent again."""
    _, job = await bench.running()
    await bench.finish(completed(job))
    assert await bench.finish(released(job)) == [Finished.LOST]
    assert await bench.state(job) is State.COMPLETED


@case()
async def sent_again_after_an_operators_retry_is_lost(bench: Bench) -> None:
    """A retry clears the mark of the outcome before it."""
    _, job = await bench.running()
    await bench.finish(completed(job))
    await bench.act(Retry(), job)
    assert await bench.finish(completed(job)) == [Finished.LOST]
    assert await bench.state(job) is State.AVAILABLE


@case()
async def of_a_job_that_is_gone_says_so(bench: Bench) -> None:
    """An outcome of a deleted job is answered gone."""
    _, job = await bench.running()
    await bench.finish(completed(job))
    await bench.act(Delete(), job)
    assert await bench.finish(completed(job)) == [Finished.GONE]


@case()
async def answers_in_the_order_of_the_outcomes(bench: Bench) -> None:
    """Each answer stands at the place of its outcome."""
    await bench.there(*(bench.new() for _ in range(4)))
    worker = await bench.worker()
    one, two, three, four = await worker.take(4)
    await bench.finish(completed(two))
    await bench.act(Delete(), two)
    stale = replace(completed(three), token=uuid7())
    answers = await bench.finish(completed(four), completed(two), stale, completed(one))
    assert answers == [Finished.DONE, Finished.GONE, Finished.LOST, Finished.DONE]
    assert await bench.state(three) is State.RUNNING


@case()
async def completed_stands_against_a_cancel(bench: Bench) -> None:
    """Work that happened is completed, although a cancel was asked for."""
    _, job = await bench.running()
    await bench.act(Cancel(), job)
    await bench.finish(completed(job))
    assert await bench.state(job) is State.COMPLETED


@case()
async def otherwise_a_cancel_ends_the_job(bench: Bench) -> None:
    """A job that failed, snoozed or was given back with a cancel asked for is cancelled."""
    await bench.there(*(bench.new() for _ in range(3)))
    worker = await bench.worker()
    jobs = await worker.take(3)
    await bench.act(Cancel(), *jobs)
    one, two, three = jobs
    await bench.finish(failed(one, error(bench), SOON), snoozed(two, SOON), released(three))
    assert [await bench.state(job) for job in jobs] == [State.CANCELLED] * 3


@case()
async def keeps_the_last_errors(bench: Bench) -> None:
    """A job keeps the errors of its last twenty failed attempts, oldest first."""
    job = bench.new(max_attempts=100)
    await bench.there(job)
    worker = await bench.worker()
    for n in range(KEPT_ERRORS + 3):
        [taken] = await worker.take()
        failure = replace(error(bench), message=f"no {n}")
        await bench.finish(failed(taken, failure, timedelta(0)))
    kept = [told.message for told in (await bench.row(job)).errors]
    assert kept == [f"no {n}" for n in range(3, KEPT_ERRORS + 3)]


@case()
async def keeps_texts_whole(bench: Bench) -> None:
    """An error's texts come back whole, to the last many-byte character."""
    _, job = await bench.running()
    failure = replace(error(bench, "é" * 1000), traceback="名" * 2000)
    await bench.finish(discarded(job, failure))
    assert (await bench.row(job)).errors == (failure,)


@case("follow_up")
async def brings_follow_ups(bench: Bench) -> None:
    """An outcome's follow-up jobs are there when it is, and once only."""
    _, job = await bench.running()
    then = bench.new(kind="next", tags=("t",))
    outcome = completed(job, follow_ups=[then])
    for _ in range(2):
        assert await bench.finish(outcome) == [Finished.DONE]
    assert (await bench.row(then)).tags == ("t",)
    assert len(await bench.ids()) == 2


@case("follow_up")
async def that_is_lost_brings_no_follow_ups(bench: Bench) -> None:
    """An outcome that is not recorded inserts nothing."""
    _, job = await bench.running()
    outcome = replace(completed(job, follow_ups=[bench.new()]), token=uuid7())
    assert await bench.finish(outcome) == [Finished.LOST]
    assert await bench.ids() == [job.id]
