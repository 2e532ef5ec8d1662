"""A pool on the tracker's clock: `advance` runs what falls due, at its time, threads or not."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import anyio
import pytest
from goncordia import Enqueue, Every, Fixed, Job, Registry, Schedules, Snooze, State

from .conftest import Kit, Mail, Text

pytestmark = pytest.mark.anyio

MINUTE = timedelta(minutes=1)


@pytest.fixture(params=["async", "thread"])
def log(request: pytest.FixtureRequest, kit: Kit) -> Any:
    """A registry whose handler of mails notes when each ran, and the notes."""
    jobs, seen = Registry(), []

    if request.param == "async":

        @jobs.worker(retry=Fixed(MINUTE))
        async def mail(job: Job[Mail]) -> None:
            seen.append((job.args.to, kit.tracker.clock.monotonic()))
            if job.args.subject == "fail" and job.attempt == 1:
                raise OSError

    else:

        @jobs.worker(retry=Fixed(MINUTE))
        def mail_in_a_thread(job: Job[Mail]) -> None:
            seen.append((job.args.to, kit.tracker.clock.monotonic()))
            if job.args.subject == "fail" and job.attempt == 1:
                raise OSError

    return jobs, seen


async def test_advance_runs_what_falls_due_at_its_time(kit: Kit, log: Any) -> None:
    jobs, seen = log
    async with kit.tracker.pool(jobs):
        for minutes in (3, 1, 2):
            await kit.client.enqueue(Mail(str(minutes)), run_at=minutes * MINUTE)
        await kit.tracker.advance(2 * MINUTE)
        assert seen == [("1", 60.0), ("2", 120.0)]
        await kit.tracker.advance(59.999)
        assert len(seen) == 2
        await kit.tracker.advance(0.001)
        assert seen[2:] == [("3", pytest.approx(180.0))]


async def test_also_what_follows_on_the_way(kit: Kit, log: Any) -> None:
    """A retry's time counts from the failure, not from where the clock came to rest."""
    jobs, seen = log
    async with kit.tracker.pool(jobs):
        await kit.client.enqueue(Mail("a", "fail"), run_at=MINUTE)
        await kit.tracker.advance(timedelta(days=1))
    assert seen == [("a", 60.0), ("a", pytest.approx(120.0, abs=0.1))]
    [job] = await kit.tracker.require_enqueued(Mail)
    assert (job.state, job.row.attempt) == (State.COMPLETED, 2)


async def test_settled_is_the_barrier(kit: Kit, log: Any) -> None:
    jobs, seen = log
    async with kit.tracker.pool(jobs, concurrency=2):
        await kit.client.enqueue_many([Mail(str(n)) for n in range(5)])
        await kit.tracker.settled()
        assert sorted(seen) == [(str(n), 0.0) for n in range(5)]
        jobs_now = await kit.tracker.require_enqueued(Mail, 5)
        assert {job.state for job in jobs_now} == {State.COMPLETED}


async def test_settled_follows_however_long_one_thing_leads_to_another(kit: Kit) -> None:
    """Through the store and through threads."""
    jobs, seen = Registry(), []

    @jobs.worker
    async def mail(job: Job[Mail]) -> None:
        seen.append(job.args.to)
        await kit.client.enqueue(Text(job.args.to))

    @jobs.worker
    def text(job: Job[Text]) -> None:
        left = int(job.args.phone)
        if left:
            anyio.from_thread.run(kit.client.enqueue, Mail(str(left - 1)))

    async with kit.tracker.pool(jobs):
        await kit.client.enqueue(Mail("4"))
        await kit.tracker.settled()
        assert seen == ["4", "3", "2", "1", "0"]
        settled = await kit.tracker.require_enqueued(Text, 5)
        assert {job.state for job in settled} == {State.COMPLETED}


async def test_handlers_that_sleep_wake_on_the_way(kit: Kit) -> None:
    jobs, seen = Registry(), []

    @jobs.worker
    async def mail(job: Job[Mail]) -> None:
        await kit.tracker.clock.sleep(90)
        await kit.client.enqueue(Text(job.args.to))
        seen.append(("mail", kit.tracker.clock.monotonic()))

    @jobs.worker
    def text(job: Job[Text]) -> None:
        seen.append(("text", kit.tracker.clock.monotonic()))

    async with kit.tracker.pool(jobs):
        await kit.client.enqueue(Mail("ada"))
        await kit.tracker.advance(MINUTE)
        assert not seen
        await kit.tracker.advance(MINUTE)
        assert seen == [("mail", 90.0), ("text", 90.0)]


async def test_timeouts_and_snoozes_keep_the_clocks_time(kit: Kit) -> None:
    jobs, seen = Registry(), []

    @jobs.worker(timeout=30)
    async def mail(job: Job[Mail]) -> None:
        await anyio.sleep_forever()

    @jobs.worker
    async def text(job: Job[Text]) -> None:
        seen.append(kit.tracker.clock.monotonic())
        if len(seen) < 3:
            raise Snooze(600)

    async with kit.tracker.pool(jobs):
        await kit.client.enqueue_many([Enqueue(Mail(), max_attempts=1), Text()])
        await kit.tracker.advance(30)
        [job] = await kit.tracker.require_enqueued(Mail)
        assert (job.state, job.row.errors[0].type) == (State.DISCARDED, "JobTimeout")
        await kit.tracker.advance(timedelta(hours=1))
        assert seen == [0.0, pytest.approx(600, abs=1), pytest.approx(1200, abs=1)]


async def test_schedules_tick_on_the_way(kit: Kit, log: Any) -> None:
    jobs, seen = log
    schedules = Schedules()
    schedules.add("hourly", Every(timedelta(hours=1)), Mail("tick"))
    async with kit.tracker.pool(jobs, schedules=schedules):
        await kit.tracker.advance(timedelta(hours=3))
    assert [to for to, _ in seen] == ["tick"] * 3
    assert [at // 3600 for _, at in seen] == [1, 2, 3]


async def test_two_pools_share_the_clock(kit: Kit) -> None:
    seen: list[str] = []
    both = [Registry(), Registry()]

    @both[0].worker
    async def mail(job: Job[Mail]) -> None:
        await kit.client.enqueue(Text(job.args.to))

    @both[1].worker
    async def text(job: Job[Text]) -> None:
        seen.append(job.args.phone)

    async with (
        kit.tracker.pool(both[0], queues=["mail"]),
        kit.tracker.pool(both[1], queues=["text"]),
    ):
        await kit.client.enqueue(Mail("ada"), queue="mail", run_at=MINUTE)
        await kit.tracker.advance(MINUTE)
        [job] = await kit.tracker.require_enqueued(Text)
        assert job.state is State.AVAILABLE  # in a queue that neither works on
    assert not seen
