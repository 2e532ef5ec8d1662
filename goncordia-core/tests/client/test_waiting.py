"""Waiting for one job's result, and for many jobs to end."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import anyio
import msgspec
import pytest
from goncordia import memory
from goncordia.actions import Cancel, Delete
from goncordia.client import Client
from goncordia.endings import Ended, Patience
from goncordia.errors import (
    InvalidArgument,
    JobFailed,
    JobNotFound,
    ResultDecodeError,
    Unavailable,
    WaitTimeout,
)
from goncordia.ids import uuid7
from goncordia.jobs import AttemptError, ClaimedJob, NewJob, Outcome, completed, discarded, failed
from goncordia.lifecycle import State
from goncordia.requests import Wait
from goncordia.sessions import Claim, WorkerInfo
from goncordia.testing.clock import MockClock

from .conftest import Mail, Report, Rig

pytestmark = pytest.mark.anyio

MemoryClient = Client[memory.Tx]
WENT_WRONG = AttemptError(1, datetime(2026, 1, 1, tzinfo=UTC), "ValueError", "went wrong")


class Receipt(msgspec.Struct):
    number: int


def claim(rig: Rig, n: int) -> list[ClaimedJob]:
    session = rig.store.join(WorkerInfo("w"), timedelta(minutes=1))
    jobs = rig.store.claim(Claim(uuid7(), session.id, {"default": n})).jobs
    assert len(jobs) == n
    return jobs


def end(rig: Rig, how: Callable[..., Outcome], *more: object) -> None:
    rig.store.finish([how(*claim(rig, 1), *more)])


class During:
    """Does something at each pause of a client, which takes no time."""

    def __init__(self, rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
        self.pauses: list[float] = []
        self.todo: list[Callable[[], object]] = []
        monkeypatch.setattr("time.sleep", self.pause)
        monkeypatch.setattr(rig.clock, "sleep", self.sleep)

    def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        assert len(self.pauses) < 1000, "nothing happens any more"
        if self.todo:
            self.todo.pop(0)()

    async def sleep(self, seconds: float) -> None:
        self.pause(seconds)


@pytest.fixture
def during(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> During:
    return During(rig, monkeypatch)


# One job.


async def test_the_result_is_what_the_handler_returned(
    rig: Rig, client: MemoryClient, during: During
) -> None:
    job = (await client.enqueue(Mail("a"))).id
    during.todo = [lambda: None, lambda: end(rig, completed, b'{"number":7}')]
    assert await client.wait(job) == {"number": 7}
    assert await client.wait(job, type=Receipt) == Receipt(7)
    assert len(during.pauses) == 2


async def test_no_result_is_none(rig: Rig, client: MemoryClient) -> None:
    job = (await client.enqueue(Mail("a"))).id
    end(rig, completed)
    assert await client.wait(job) is None
    assert await client.wait(job, type=type(None)) is None


async def test_a_result_of_another_type_is_told(rig: Rig, client: MemoryClient) -> None:
    job = (await client.enqueue(Mail("a"))).id
    end(rig, completed, b'{"number":"seven"}')
    with pytest.raises(ResultDecodeError, match=r"of kind 'mail', is no Receipt: .*number"):
        await client.wait(job, type=Receipt)


async def test_a_job_that_is_tried_again_is_waited_for(
    rig: Rig, client: MemoryClient, during: During
) -> None:
    job = (await client.enqueue(Mail("a"))).id
    end(rig, failed, WENT_WRONG, timedelta())
    during.todo = [lambda: end(rig, completed, b"1")]
    assert await client.wait(job, type=int) == 1


async def test_a_discarded_job_is_an_error_with_the_reason(rig: Rig, client: MemoryClient) -> None:
    job = (await client.enqueue(Mail("a"))).id
    end(rig, discarded, WENT_WRONG)
    with pytest.raises(
        JobFailed, match=f"job {job} of kind 'mail' is discarded; .*ValueError: went wrong"
    ) as raised:
        await client.wait(job)
    assert (raised.value.row.id, raised.value.row.state) == (job, State.DISCARDED)


async def test_so_is_one_that_is_cancelled_meanwhile(
    rig: Rig, client: MemoryClient, during: During
) -> None:
    job = (await client.enqueue(Mail("a"))).id
    during.todo = [lambda: rig.store.act([job], Cancel())]
    with pytest.raises(JobFailed, match="is cancelled"):
        await client.wait(job)


async def test_an_unknown_job_is_an_error(client: MemoryClient) -> None:
    nobody = uuid4()
    with pytest.raises(JobNotFound, match=f"no job {nobody}"):
        await client.wait(nobody)


async def test_so_is_one_that_is_deleted_meanwhile(
    rig: Rig, client: MemoryClient, during: During
) -> None:
    job = (await client.enqueue(Mail("a"))).id
    during.todo = [lambda: rig.store.act([job], Delete())]
    with pytest.raises(JobNotFound) as raised:
        await client.wait(job)
    assert raised.value.id == job


async def test_time_runs_out(client: MemoryClient, during: During) -> None:
    job = (await client.enqueue(Mail("a"))).id
    with pytest.raises(WaitTimeout, match="1 jobs have not ended in time") as raised:
        await client.wait(job, timeout=10)
    assert raised.value.ids == (job,)
    assert isinstance(raised.value, TimeoutError)
    assert sum(during.pauses) == pytest.approx(10, abs=0.1)
    row = await client.get(job)
    assert row is not None
    assert row.state is State.AVAILABLE


async def test_looks_grow_rarer_and_their_number_is_bounded(
    client: MemoryClient, during: During
) -> None:
    job = (await client.enqueue(Mail("a"))).id
    with pytest.raises(WaitTimeout):
        await client.wait(job, timeout=timedelta(minutes=1))
    assert during.pauses[0] <= 0.02
    assert max(during.pauses) <= 1.0
    assert all(pause > 0.7 for pause in during.pauses[15:-1])
    assert len(during.pauses) < 100


async def test_a_short_outage_is_waited_out(rig: Rig, client: MemoryClient, during: During) -> None:
    job = (await client.enqueue(Mail("a"))).id
    end(rig, completed, b"1")
    rig.flaky.faults.extend(["before", "after"])
    assert await client.wait(job) == 1
    rig.flaky.faults.extend(["before"] * 3)
    with pytest.raises(Unavailable):
        await client.wait(job)


BAD: list[tuple[str, Callable[[MemoryClient], object]]] = [
    ("id='7'", lambda c: c.wait("7")),  # pyright: ignore[reportArgumentType] on purpose
    ("timeout=0", lambda c: c.wait(uuid4(), timeout=0)),
    ("timeout=-1", lambda c: c.wait(uuid4(), timeout=-1)),
]


@pytest.mark.parametrize(("message", "call"), BAD)
async def test_bad_arguments_are_named(
    client: MemoryClient, message: str, call: Callable[[MemoryClient], object]
) -> None:
    with pytest.raises(InvalidArgument, match=message):
        await call(client)  # pyright: ignore[reportGeneralTypeIssues] each is awaitable


async def test_a_mock_clock_moves_the_waiter() -> None:
    clock = MockClock()
    client = Client(memory.MemoryDriver(), clock=clock)
    job = (await client.enqueue(Mail("a"))).id
    timed_out = anyio.Event()

    async def wait() -> None:
        with pytest.raises(WaitTimeout):
            await client.wait(job, timeout=3600)
        timed_out.set()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(wait)
        await clock.advance(3599)
        assert not timed_out.is_set()
        await clock.advance(1)
        await timed_out.wait()


# Many jobs.


async def gather(stream: AsyncIterator[Ended]) -> list[Ended]:
    return [ended async for ended in stream]


async def test_each_is_told_once_as_it_ends(rig: Rig, client: MemoryClient, during: During) -> None:
    jobs = [answer.id for answer in await client.enqueue_many([Mail(str(n)) for n in range(4)])]
    end(rig, completed, b"0")
    during.todo = [
        lambda: end(rig, discarded, WENT_WRONG),
        lambda: None,
        lambda: [end(rig, completed), end(rig, completed)],
    ]
    told = await gather(client.watch(*jobs, jobs[0]))
    assert [ended.id for ended in told[:2]] == jobs[:2]
    assert sorted(ended.id for ended in told) == jobs
    assert [ended.succeeded for ended in told] == [True, False, True, True]
    assert all(ended.row and ended.row.id == ended.id for ended in told)
    assert told[0].row
    assert told[0].row.result == b"0"


async def test_a_job_that_is_gone_is_told_as_such(client: MemoryClient) -> None:
    nobody = uuid4()
    assert await gather(client.watch(nobody)) == [Ended(nobody, None)]


async def test_a_filter_means_what_lives_now(
    rig: Rig, client: MemoryClient, during: During
) -> None:
    await client.enqueue(Mail("over"))
    end(rig, completed)
    mails = [answer.id for answer in await client.enqueue_many([Mail("a"), Mail("b")])]
    await client.enqueue(Report(), run_at=timedelta(days=1))
    during.todo = [
        lambda: end(rig, completed),
        lambda: rig.store.insert([NewJob(uuid7(), "mail", b'{"to":"late"}')]),
        lambda: end(rig, completed),
    ]
    assert [ended.id for ended in await gather(client.watch(kinds=["mail"]))] == mails
    ended = await gather(client.watch(kinds=["mail"], states=[State.COMPLETED], timeout=1))
    assert len(ended) == 3


async def test_nothing_to_watch_ends_at_once(client: MemoryClient, during: During) -> None:
    assert await gather(client.watch()) == []
    assert during.pauses == []


async def test_each_look_is_at_one_batch(rig: Rig, client: MemoryClient, during: During) -> None:
    jobs = [answer.id for answer in await client.enqueue_many([Mail(str(n)) for n in range(8)])]
    del rig.flaky.calls[:]
    with pytest.raises(WaitTimeout) as raised:
        await gather(client.watch(*jobs, timeout=5))
    assert sorted(raised.value.ids) == jobs
    sizes = [size for name, size in rig.flaky.calls if name == "get"]
    assert max(sizes) == 3
    assert len(sizes) <= len(during.pauses) + 3


async def test_ids_and_a_filter_do_not_mix(client: MemoryClient) -> None:
    with pytest.raises(InvalidArgument, match="either ids or"):
        await gather(client.watch(uuid4(), kinds=["mail"]))
    with pytest.raises(InvalidArgument, match="id='7'"):
        await gather(client.watch("7"))  # pyright: ignore[reportArgumentType] on purpose


def test_a_pause_never_ends_after_the_deadline() -> None:
    patience, waited = Patience(MockClock(), 0.03, 1.0), 0.0
    while steps := list(patience.pause()):
        waited += sum(step.seconds for step in steps if isinstance(step, Wait))
    assert waited == pytest.approx(0.03)
