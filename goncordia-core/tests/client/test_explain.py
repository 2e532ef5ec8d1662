"""Why a job is where it is: each answer is made true, and then asked for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TypeVar
from uuid import UUID, uuid4

import msgspec
import pytest
from goncordia import memory
from goncordia.client import Client
from goncordia.errors import InvalidArgument, JobNotFound
from goncordia.explain import LOOKED_AT
from goncordia.ids import uuid7
from goncordia.jobs import (
    AttemptError,
    NewJob,
    completed,
    discarded,
    failed,
    snoozed,
)
from goncordia.lifecycle import State
from goncordia.reasons import (
    AttemptsSpent,
    Behind,
    Cancelling,
    Explanation,
    HasEnded,
    HolderLost,
    Next,
    NoHandler,
    NotDue,
    NoWorker,
    QueuePaused,
    Reasons,
    Running,
    spell,
)
from goncordia.sessions import Claim, WorkerInfo
from goncordia.testing.clock import MockClock

from .conftest import Mail, Rig

pytestmark = pytest.mark.anyio

R = TypeVar("R", bound=Reasons)
WENT_WRONG = AttemptError(1, datetime(2026, 1, 1, tzinfo=UTC), "ValueError", "went\n wrong")
MINUTE = timedelta(minutes=1)


class Bench:
    """A store under a mock clock, its client, and workers that do as they are told."""

    def __init__(self, rig: Rig) -> None:
        self.clock = MockClock()
        self.client = rig.make(clock=self.clock)
        self.store = rig.store

    async def enqueue(self, **options: object) -> UUID:
        answer = await self.client.enqueue(Mail("a"), **options)  # pyright: ignore[reportArgumentType]
        return answer.id

    def join(self, name: str = "host:7", queue: str = "default", kind: str = "mail") -> UUID:
        who = WorkerInfo(name, (queue,), (kind,), 1)
        return self.store.join(who, MINUTE, now=self.clock.now()).id

    def run(self, session: UUID):
        claim = Claim(uuid7(), session, {"default": 1})
        [job] = self.store.claim(claim, now=self.clock.now()).jobs
        return job

    async def why(self, job: UUID) -> tuple[Reasons, ...]:
        return (await self.client.explain(job)).reasons

    async def one(self, job: UUID, kind: type[R]) -> R:
        """The only reason."""
        [reason] = await self.why(job)
        assert type(reason) is kind
        return reason


@pytest.fixture
def bench(rig: Rig) -> Bench:
    return Bench(rig)


async def test_a_job_that_nothing_holds_back(bench: Bench) -> None:
    bench.join()
    reason = await bench.one(await bench.enqueue(), Next)
    assert "as soon as one has a free slot" in str(reason)


async def test_a_paused_queue(bench: Bench) -> None:
    bench.join()
    job = await bench.enqueue()
    await bench.client.pause("other")
    await bench.one(job, Next)
    await bench.client.pause("default")
    reason = await bench.one(job, QueuePaused)
    assert reason == QueuePaused("default", bench.clock.now())
    assert str(reason) == ("its queue 'default' is paused since 2026-01-01 00:00:00 UTC: resume it")
    await bench.client.resume("default")
    await bench.one(job, Next)


async def test_a_time_to_come(bench: Bench) -> None:
    bench.join()
    job = await bench.enqueue(run_at=timedelta(hours=3))
    reason = await bench.one(job, NotDue)
    assert reason == NotDue(bench.clock.now() + timedelta(hours=3), 3 * 3600)
    assert str(reason) == "due in 3 h, at 2026-01-01 03:00:00 UTC"


async def test_another_attempt_to_come_says_how_the_last_one_failed(bench: Bench) -> None:
    session = bench.join()
    job = await bench.enqueue()
    wait = timedelta(seconds=50)
    bench.store.finish([failed(bench.run(session), WENT_WRONG, wait)], now=bench.clock.now())
    reason = await bench.one(job, NotDue)
    assert reason.error == WENT_WRONG
    assert str(reason).startswith("due in 50 s, at ")
    assert str(reason).endswith(", after attempt 1 failed with ValueError: went wrong")


async def test_a_snoozed_job_did_not_fail(bench: Bench) -> None:
    session = bench.join()
    job = await bench.enqueue()
    bench.store.finish([snoozed(bench.run(session), MINUTE)], now=bench.clock.now())
    assert (await bench.one(job, NotDue)).error is None


async def test_nobody_on_its_queue(bench: Bench) -> None:
    job = await bench.enqueue()
    assert await bench.one(job, NoWorker) == NoWorker("default", None)
    bench.join(queue="other")
    assert "no live worker on its queue 'default': start one" in str(await bench.one(job, NoWorker))


async def test_a_worker_that_left(bench: Bench) -> None:
    session = bench.join()
    job = await bench.enqueue()
    bench.store.leave(session)
    assert await bench.one(job, NoWorker) == NoWorker("default", None)


async def test_a_worker_that_was_killed_and_nobody_declared_dead(bench: Bench) -> None:
    """All workers crashed: the store still calls them alive, and nobody is there to say else."""
    began = bench.clock.now()
    bench.join()
    job = await bench.enqueue()
    await bench.clock.advance(59)
    await bench.one(job, Next)
    await bench.clock.advance(1)
    [session] = await bench.client.sessions()
    assert session.alive
    reason = await bench.one(job, NoWorker)
    assert reason == NoWorker("default", began)
    assert "the last sign of one was at 2026-01-01 00:00:00 UTC" in str(reason)


async def test_nobody_alive_knows_its_kind(bench: Bench) -> None:
    job = await bench.enqueue()
    bench.join(kind="report")
    reason = await bench.one(job, NoHandler)
    assert str(reason) == "nobody alive knows its kind 'mail': start a worker that does"


async def test_who_knows_its_kind_takes_other_queues(bench: Bench) -> None:
    job = await bench.enqueue()
    bench.join("a", kind="report")
    bench.join("b", queue="other")
    reason = await bench.one(job, NoHandler)
    assert reason.elsewhere == ("b",)
    assert "b would, on other queues" in str(reason)


async def test_nobody_on_its_queue_nor_anybody_who_knows_it(bench: Bench) -> None:
    job = await bench.enqueue()
    bench.join(queue="other", kind="report")
    assert [type(reason) for reason in await bench.why(job)] == [NoWorker, NoHandler]


async def test_a_session_that_names_nothing_may_take_anything(bench: Bench) -> None:
    job = await bench.enqueue()
    bench.store.join(WorkerInfo("w"), MINUTE, now=bench.clock.now())
    await bench.one(job, Next)


async def test_others_come_first(bench: Bench) -> None:
    bench.join()
    await bench.enqueue()
    await bench.enqueue(queue="other")
    urgent = await bench.enqueue(priority=1)
    job = await bench.enqueue()
    await bench.enqueue(priority=-1)
    await bench.enqueue()
    await bench.enqueue(priority=9, run_at=MINUTE)
    reason = await bench.one(job, Behind)
    assert reason == Behind(2, exact=True)
    assert str(reason) == "behind 2 due jobs of its queue"
    await bench.one(urgent, Next)


async def test_a_job_that_has_been_due_for_longer_comes_first(bench: Bench) -> None:
    bench.join()
    early = await bench.enqueue(run_at=timedelta(seconds=1))
    await bench.clock.advance(10)
    later = await bench.enqueue()
    await bench.one(early, Next)
    assert await bench.one(later, Behind) == Behind(1, exact=True)


async def test_a_long_queue_is_not_read_to_its_end(bench: Bench, rig: Rig) -> None:
    bench.join()
    jobs = [NewJob(uuid7(), "mail", b"{}") for _ in range(LOOKED_AT + 100)]
    bench.store.insert(jobs, now=bench.clock.now())
    del rig.flaky.calls[:]
    last = await bench.one(jobs[-1].id, Behind)
    assert last == Behind(LOOKED_AT - 1, exact=False)
    assert f"behind at least {LOOKED_AT - 1} due jobs" in str(last)
    assert [name for name, _ in rig.flaky.calls].count("list") == 1
    assert await bench.one(jobs[300].id, Behind) == Behind(200, exact=False)
    assert await bench.one(jobs[0].id, Behind) == Behind(0, exact=False)


async def test_it_runs(bench: Bench) -> None:
    session = bench.join()
    job = await bench.enqueue()
    bench.run(session)
    reason = await bench.one(job, Running)
    assert reason == Running(session, "host:7", 1, bench.clock.now())
    assert f"at worker host:7 (session {session})" in str(reason)


async def test_its_holder_was_told_to_stop_and_has_not_let_go(bench: Bench) -> None:
    session = bench.join()
    job = await bench.enqueue()
    claimed = bench.run(session)
    await bench.client.cancel(job)
    reason = await bench.one(job, Cancelling)
    assert reason == Cancelling(session, "host:7")
    assert "waits for worker host:7" in str(reason)
    error = WENT_WRONG
    bench.store.finish([failed(claimed, error, MINUTE)], now=bench.clock.now())
    assert (await bench.one(job, HasEnded)).state is State.CANCELLED


async def test_its_holder_fell_silent(bench: Bench) -> None:
    began = bench.clock.now()
    session = bench.join()
    job = await bench.enqueue()
    bench.run(session)
    await bench.clock.advance(60)
    reason = await bench.one(job, HolderLost)
    assert reason == HolderLost(session, "host:7", began, 0)
    assert "nobody lives to take it back" in str(reason)
    bench.join("other", queue="other", kind="report")
    assert "a live worker takes it back soon" in str(await bench.one(job, HolderLost))


async def test_its_holder_left_without_it(bench: Bench) -> None:
    session = bench.join()
    job = await bench.enqueue()
    bench.run(session)
    bench.store.leave(session)
    assert (await bench.one(job, HolderLost)).session == session


async def test_it_is_done(bench: Bench) -> None:
    session = bench.join()
    job = await bench.enqueue()
    bench.store.finish([completed(bench.run(session), b"1")], now=bench.clock.now())
    reason = await bench.one(job, HasEnded)
    assert (reason.state, reason.at, reason.error) == (State.COMPLETED, bench.clock.now(), None)
    assert reason.expire_at == bench.clock.now() + timedelta(days=1)
    assert str(reason) == "ended: completed, at 2026-01-01 00:00:00 UTC"


async def test_its_attempts_are_spent(bench: Bench) -> None:
    session = bench.join()
    job = await bench.enqueue(max_attempts=1)
    bench.store.finish([failed(bench.run(session), WENT_WRONG, MINUTE)], now=bench.clock.now())
    ended, spent = await bench.why(job)
    assert isinstance(ended, HasEnded)
    assert (ended.state, ended.error) == (State.DISCARDED, WENT_WRONG)
    assert spent == AttemptsSpent(1, 1)
    assert "spent, 1 of 1: retry it" in str(spent)


async def test_it_was_given_up_with_attempts_left(bench: Bench) -> None:
    session = bench.join()
    job = await bench.enqueue()
    bench.store.finish([discarded(bench.run(session), WENT_WRONG)], now=bench.clock.now())
    assert (await bench.one(job, HasEnded)).state is State.DISCARDED


async def test_several_things_at_once(bench: Bench) -> None:
    await bench.enqueue()
    job = await bench.enqueue()
    await bench.client.pause("default")
    explanation = await bench.client.explain(job)
    assert [type(reason) for reason in explanation.reasons] == [QueuePaused, NoWorker, Behind]
    assert str(explanation).count("\n") == 2
    scheduled = await bench.enqueue(run_at=MINUTE)
    assert [type(r) for r in await bench.why(scheduled)] == [NotDue, QueuePaused, NoWorker]


async def test_programs_read_it_back(bench: Bench) -> None:
    job = await bench.enqueue(run_at=MINUTE)
    explanation = await bench.client.explain(job)
    data = msgspec.json.encode(explanation)
    assert [r["reason"] for r in msgspec.json.decode(data)["reasons"]] == ["not due", "no worker"]
    assert msgspec.json.decode(data, type=Explanation).reasons == explanation.reasons


async def test_a_job_that_is_not_there(bench: Bench) -> None:
    with pytest.raises(JobNotFound):
        await bench.client.explain(uuid4())
    with pytest.raises(InvalidArgument, match="id='7'"):
        await bench.client.explain("7")  # pyright: ignore[reportArgumentType] on purpose


async def test_real_time_will_do(rig: Rig, client: Client[memory.Tx]) -> None:
    job = (await client.enqueue(Mail("a"), run_at=timedelta(hours=3))).id
    rig.store.join(WorkerInfo("w"), MINUTE)
    [reason] = (await client.explain(job)).reasons
    assert isinstance(reason, NotDue)
    assert 3 * 3600 - 60 < reason.seconds <= 3 * 3600


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.4, "less than 1 s"),
        (-5, "less than 1 s"),
        (1, "1 s"),
        (59.9, "59 s"),
        (60, "1 min"),
        (125, "2 min 5 s"),
        (3 * 3600, "3 h"),
        (3 * 3600 + 7, "3 h"),
        (90000, "1 d 1 h"),
        (86400 * 400, "400 d"),
    ],
)
def test_spans_are_spelt(seconds: float, said: str) -> None:
    assert spell(seconds) == said
