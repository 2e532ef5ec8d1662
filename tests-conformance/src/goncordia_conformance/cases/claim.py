"""Claiming."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import anyio
import pytest
from goncordia.actions import Cancel, Retry
from goncordia.errors import SessionLost
from goncordia.ids import uuid7
from goncordia.jobs import ClaimedJob, completed
from goncordia.lifecycle import State
from goncordia.sessions import Claim

from goncordia_conformance.bench import Bench, Worker
from goncordia_conformance.case import case


@case()
async def makes_a_job_the_workers_own(bench: Bench) -> None:
    """A claimed job runs, under the claim's token, for the session, one attempt further."""
    job = bench.new()
    await bench.there(job)
    worker = await bench.worker()
    bench.wait(1)
    [taken] = await worker.take()
    assert (taken.id, taken.attempt, taken.queue) == (job.id, 1, "default")
    row = await bench.row(job)
    assert (row.state, row.attempt, row.session) == (State.RUNNING, 1, worker.session)
    assert row.attempted_at == bench.now


@case()
async def takes_a_job_once(bench: Bench) -> None:
    """What one claim holds no other gets."""
    await bench.running()
    assert await (await bench.worker()).take() == []


@case("exclusive_claim=strict")
async def at_the_same_time_never_shares_a_job(bench: Bench) -> None:
    """Claims that race for the same jobs share none."""
    jobs = [bench.new() for _ in range(40)]
    await bench.there(*jobs)
    workers = [await bench.worker() for _ in range(8)]
    taken: list[UUID] = []

    async def work(worker: Worker) -> None:
        while got := (await worker.claim(2)).jobs:
            taken.extend(job.id for job in got)

    async with anyio.create_task_group() as tasks:
        for worker in workers:
            tasks.start_soon(work, worker)
    assert len(set(taken)) == len(taken)
    taken += [job.id for job in await workers[0].take(40)]
    assert sorted(taken) == sorted(job.id for job in jobs)


@case()
async def takes_no_more_than_wanted(bench: Bench) -> None:
    """A claim takes at most as many as it wants, of the queues that it names."""
    await bench.there(*(bench.new() for _ in range(5)), bench.new(queue="other"))
    worker = await bench.worker()
    claims = await worker.claim(2)
    assert len(claims.jobs) <= 2
    assert {job.queue for job in claims.jobs} <= {"default"}


@case()
async def serves_every_queue(bench: Bench) -> None:
    """No queue starves another: a claim of two gets jobs of both, at the latest in a few tries."""
    await bench.there(*(bench.new(queue=queue) for queue in "ab" for _ in range(30)))
    worker = await bench.worker()
    seen: set[str] = set()
    for _ in range(10):
        claim = Claim(uuid7(), worker.session, {"a": 1, "b": 1})
        seen |= {job.queue for job in (await bench.driver.claim(claim, now=bench.now)).jobs}
    assert seen == {"a", "b"}


@case("order=strict")
async def takes_the_first_first(bench: Bench) -> None:
    """The first by priority, then run_at, then id."""
    early, late = bench.now - timedelta(seconds=2), bench.now - timedelta(seconds=1)
    jobs = [
        bench.new(priority=priority, run_at=at)
        for priority in (0, 5, -5)
        for at in (late, early)
        for _ in range(2)
    ]
    await bench.there(*jobs)
    jobs.sort(key=lambda job: (-job.priority, job.run_at, job.id))
    worker = await bench.worker()
    taken = [*await worker.take(5), *await worker.take(7)]
    assert [job.id for job in taken] == [job.id for job in jobs]


@case("order")
async def takes_the_urgent_before_the_rest(bench: Bench) -> None:
    """On the whole, what has a higher priority comes first."""
    jobs = [bench.new(priority=n % 2) for n in range(60)]
    await bench.there(*jobs)
    worker = await bench.worker()
    taken: list[ClaimedJob] = []
    while got := await worker.take(5):
        taken += got
    assert len(taken) == 60
    places = [n for n, job in enumerate(taken) if job.priority]
    assert sum(places) / 30 < 29.5


@case("claim_sees=immediate")
async def sees_every_insert_before_it(bench: Bench) -> None:
    """A job whose insert was answered is there for the next claim."""
    worker = await bench.worker()
    for _ in range(20):
        await bench.there(bench.new())
        assert len((await worker.claim()).jobs) == 1


@case()
async def finds_every_job_in_the_end(bench: Bench) -> None:
    """No due job is left for good."""
    jobs = [bench.new(priority=n % 3) for n in range(12)]
    await bench.there(*jobs)
    worker = await bench.worker()
    assert {job.id for job in await worker.take(12)} == {job.id for job in jobs}


@case()
async def leaves_what_is_not_due_to_the_microsecond(bench: Bench) -> None:
    """A job is taken at its time and not a microsecond before."""
    job = bench.new(run_at=bench.now + timedelta(microseconds=1))
    await bench.there(job)
    worker = await bench.worker()
    assert await worker.take() == []
    bench.wait(0.000001)
    assert [taken.id for taken in await worker.take()] == [job.id]


@case()
async def sent_again_gives_back_what_its_token_holds(bench: Bench) -> None:
    """A claim whose answer was lost is sent again, and gives the same jobs."""
    await bench.there(*(bench.new() for _ in range(4)))
    worker = await bench.worker()
    token = uuid7()
    first: list[ClaimedJob] = []
    while not first:
        first = (await worker.claim(2, token=token)).jobs
    bench.wait(1)
    again = (await worker.claim(len(first), token=token, resend=True)).jobs
    assert sorted(again, key=lambda job: job.id) == sorted(first, key=lambda job: job.id)
    assert (await bench.row(first[0])).attempt == 1


@case()
async def sent_again_takes_what_is_wanted_beyond(bench: Bench) -> None:
    """A resent claim takes no more than is wanted beyond what its token holds."""
    await bench.there(*(bench.new() for _ in range(6)))
    worker = await bench.worker()
    token = uuid7()
    held = {job.id for job in (await worker.claim(1, token=token)).jobs}
    again = (await worker.claim(3, token=token, resend=True)).jobs
    assert held <= {job.id for job in again}
    assert len(again) <= 3


@case()
async def needs_a_living_session(bench: Bench) -> None:
    """A session that is dead or was never there gets no jobs."""
    await bench.there(bench.new())
    worker = await bench.worker()
    await worker.leave()
    for session in (worker.session, uuid7()):
        with pytest.raises(SessionLost):
            await Worker(bench, session).claim()


@case()
async def clears_an_old_cancel(bench: Bench) -> None:
    """A cancel asked of an earlier run does not reach the next."""
    worker, job = await bench.running()
    await bench.act(Cancel(), job)
    await bench.finish(completed(job))
    await bench.act(Retry(), job)
    await worker.take()
    assert not (await bench.row(job)).cancel_requested


@case("claim_sees=immediate")
async def tells_when_to_come_back(bench: Bench) -> None:
    """`more` and `next_due_in` tell an idle pool whether to ask again, and when."""
    worker = await bench.worker()
    claims = await worker.claim()
    assert (claims.jobs, claims.more, claims.next_due_in) == ([], False, None)
    await bench.there(bench.new(), bench.new(), bench.new(run_at=timedelta(seconds=90)))
    assert (await worker.claim(1)).more
    claims = await worker.claim(2)
    assert (len(claims.jobs), claims.more) == (1, False)
    assert claims.next_due_in is not None
    assert 89 <= claims.next_due_in <= 90.001
