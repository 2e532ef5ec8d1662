"""Sessions: joining, beating, leaving, and the rescue of what the dead hold."""

from __future__ import annotations

from datetime import timedelta

from goncordia.actions import Cancel
from goncordia.answers import Finished
from goncordia.ids import uuid7
from goncordia.jobs import completed
from goncordia.lifecycle import State
from goncordia.sessions import WorkerInfo

from goncordia_conformance.bench import TTL, Bench, Worker
from goncordia_conformance.case import case


@case()
async def that_joined_are_shown(bench: Bench) -> None:
    """A session is shown as it joined, under an id of its own."""
    info = WorkerInfo("host-1", ("b", "a"), ("k",), 7)
    one = await bench.driver.join(info, TTL, now=bench.now)
    two = await bench.driver.join(info, TTL, now=bench.now)
    assert (one.worker, one.ttl, one.joined_at, one.alive) == (info, TTL, bench.now, True)
    assert one.id != two.id
    shown = {session.id: session for session in await bench.driver.sessions(now=bench.now)}
    assert shown == {one.id: one, two.id: two}


@case()
async def that_beat_live(bench: Bench) -> None:
    """A worker that beats keeps its jobs."""
    worker, job = await bench.running()
    for _ in range(4):
        bench.wait(50)
        assert await worker.alive([job.token])
        assert await bench.rescue() == 0
    assert await bench.state(job) is State.RUNNING


@case()
async def that_fall_silent_lose_their_jobs(bench: Bench) -> None:
    """After its ttl of silence a session is declared dead, and its jobs are taken back."""
    _, job = await bench.running()
    bench.wait(59)
    assert await bench.rescue() == 0
    bench.wait(2)
    assert await bench.rescue() == 1
    row = await bench.row(job)
    assert (row.state, row.session, row.attempt) == (State.RETRYABLE, None, 1)
    assert row.errors[-1].type == "WorkerLost"
    assert row.run_at > bench.now


@case()
async def are_watched_no_longer_than_the_observer(bench: Bench) -> None:
    """Who has watched for ten seconds only can't say that a session was silent for sixty."""
    await bench.running()
    bench.wait(600)
    assert await bench.rescue(observed=timedelta(seconds=10)) == 0
    assert await bench.rescue(observed=timedelta(seconds=61)) == 1


@case()
async def that_died_do_not_come_back(bench: Bench) -> None:
    """A beat never revives a dead session."""
    worker, _ = await bench.running()
    bench.wait(61)
    await bench.rescue()
    assert not await worker.alive()
    assert not await worker.alive()
    assert not await Worker(bench, uuid7()).alive()


@case()
async def that_leave_are_dead_at_once(bench: Bench) -> None:
    """What a worker holds when it leaves is rescued without waiting."""
    worker, job = await bench.running()
    await worker.leave()
    assert not await worker.alive([job.token])
    assert await bench.rescue() == 1


@case()
async def that_died_are_shown_while_they_hold_jobs(bench: Bench) -> None:
    """A dead session is shown until its last job is taken back."""
    worker, _ = await bench.running()
    await worker.leave()
    [shown] = await bench.driver.sessions(now=bench.now)
    assert (shown.id, shown.alive) == (worker.session, False)
    await bench.rescue()
    assert await bench.driver.sessions(now=bench.now) == []


@case()
async def that_lost_a_job_are_fenced_out(bench: Bench) -> None:
    """A worker that wakes after its job was rescued can't record anything."""
    worker, job = await bench.running()
    await worker.leave()
    await bench.rescue()
    before = await bench.row(job)
    assert await bench.finish(completed(job)) == [Finished.LOST]
    assert await bench.row(job) == before
    bench.wait(900)
    [again] = await (await bench.worker()).take()
    assert await bench.finish(completed(job)) == [Finished.LOST]
    assert await bench.finish(completed(again)) == [Finished.DONE]


@case()
async def that_died_on_the_last_attempt_end_the_job(bench: Bench) -> None:
    """A job that kills its worker each time is discarded when its attempts are spent."""
    worker, job = await bench.running(bench.new(max_attempts=1))
    await worker.leave()
    await bench.rescue()
    row = await bench.row(job)
    assert (row.state, row.errors[-1].type) == (State.DISCARDED, "WorkerLost")


@case()
async def that_died_with_a_cancel_asked_end_the_job(bench: Bench) -> None:
    """A rescued job whose cancel was asked for is cancelled."""
    worker, job = await bench.running()
    await bench.act(Cancel(), job)
    await worker.leave()
    await bench.rescue()
    assert await bench.state(job) is State.CANCELLED


@case()
async def are_rescued_in_bounded_steps(bench: Bench) -> None:
    """Rescue takes back at most so many, and says whether there is more."""
    await bench.there(*(bench.new() for _ in range(5)))
    worker = await bench.worker()
    await worker.take(5)
    await worker.leave()
    rescued = 0
    while True:
        progress = await bench.driver.rescue(2, now=bench.now)
        assert progress.n <= 2
        rescued += progress.n
        if not progress.more:
            break
    assert rescued == 5


@case()
async def give_back_what_they_do_not_know_of(bench: Bench) -> None:
    """A claim whose answer never arrived is released after the resend window, attempt and all."""
    worker, job = await bench.running()
    bench.wait(50)
    assert await worker.alive()
    assert await bench.state(job) is State.RUNNING
    bench.wait(11)
    assert await worker.alive()
    row = await bench.row(job)
    assert (row.state, row.attempt) == (State.AVAILABLE, 0)


@case()
async def keep_what_they_know_of(bench: Bench) -> None:
    """A beat that names the token keeps the job, however long it runs."""
    worker, job = await bench.running()
    for _ in range(3):
        bench.wait(59)
        await worker.alive([job.token])
    assert await bench.state(job) is State.RUNNING


@case()
async def hear_of_cancels_when_they_beat(bench: Bench) -> None:
    """The answer to a beat names the jobs that are to stop."""
    worker, job = await bench.running()
    await bench.act(Cancel(), job)
    answer = await bench.driver.beat(worker.session, [job.token], now=bench.now)
    assert answer.cancels == (job.id,)


@case()
async def that_beat_keep_their_jobs_however_long(bench: Bench) -> None:
    """A job that runs for a day is nobody else's while its worker beats."""
    await bench.there(bench.new())
    worker = await bench.worker(ttl=timedelta(hours=3))
    [job] = await worker.take()
    for _ in range(12):
        bench.wait(7200)
        assert await worker.alive([job.token])
        assert await bench.rescue() == 0, "rescue took a job from a worker that beats"
    assert await bench.finish(completed(job)) == [Finished.DONE]
