"""Running one handler on its own."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import anyio
import pytest
from goncordia import Args, CancelReason, Enqueue, Job, Registry, Snooze
from goncordia.errors import (
    ArgsDecodeError,
    ArgsError,
    InvalidArgument,
    JobCancelled,
    JobTimeout,
)
from goncordia.testing import MockClock, Worked, work, work_sync

pytestmark = pytest.mark.anyio


class Mail(Args, kind="mail", queue="mail", max_attempts=7):
    to: str = ""


class Text(Args, kind="text"):
    phone: str = ""


async def test_a_handler_runs_and_answers() -> None:
    async def send(job: Job[Mail]) -> str:
        return f"to {job.args.to}"

    worked = await work(send, Mail("ada"))
    assert worked == Worked("to ada", (), None)


async def test_a_plain_function_runs_in_a_thread() -> None:
    def send(job: Job[Mail]) -> bool:
        job.check_cancelled()
        return threading.current_thread() is not threading.main_thread()

    assert (await work(send, Mail())).result is True


def test_it_needs_no_event_loop() -> None:
    async def send(job: Job[Mail]) -> str:
        return job.args.to

    def send_plainly(job: Job[Mail]) -> str:
        return job.args.to

    assert work_sync(send, Mail("ada")).result == "ada"
    assert work_sync(send_plainly, Mail("bob")).result == "bob"


async def test_a_registry_knows_the_handler_and_its_timeout() -> None:
    jobs = Registry()

    @jobs.worker(timeout=0.001)
    async def send(job: Job[Mail]) -> None:
        await anyio.sleep_forever()

    with pytest.raises(JobTimeout):
        await work(jobs, Mail())
    with pytest.raises(InvalidArgument, match="no worker for kind 'text'; it has mail"):
        await work(jobs, Text())


async def test_the_job_is_as_asked_for() -> None:
    seen: list[Job[Mail]] = []

    async def send(job: Job[Mail]) -> None:
        seen.append(job)

    at = datetime(2026, 5, 1, tzinfo=UTC)
    await work(send, Mail(), attempt=7, tags=["a"], meta={"m": 1}, run_at=at)
    await work(send, Mail(), attempt=2, max_attempts=3, queue="other")
    first, second = seen
    assert (first.attempt, first.max_attempts, first.last_attempt) == (7, 7, True)
    assert (first.kind, first.queue, first.tags, first.meta) == ("mail", "mail", ("a",), {"m": 1})
    assert first.run_at == at
    assert (second.queue, second.last_attempt) == ("other", False)
    assert first.id != second.id


async def test_what_it_raises_comes_out_as_it_is() -> None:
    async def snoozes(job: Job[Mail]) -> None:
        raise Snooze(60)

    async def fails_in_a_nursery(job: Job[Mail]) -> None:
        async with anyio.create_task_group():
            raise LookupError("ada")

    with pytest.raises(Snooze):
        await work(snoozes, Mail())
    with pytest.raises(LookupError, match="ada"):
        await work(fails_in_a_nursery, Mail())


async def test_what_is_to_follow_is_noted_and_checked() -> None:
    async def send(job: Job[Mail]) -> None:
        job.then(Text("1"))
        job.then(Text("2"), run_at=timedelta(hours=1))

    async def naive(job: Job[Mail]) -> None:
        job.then(Text(), run_at=datetime(2026, 1, 1))  # noqa: DTZ001

    worked = await work(send, Mail())
    assert worked.follow_ups == (
        Enqueue(Text("1")),
        Enqueue(Text("2"), run_at=timedelta(hours=1)),
    )
    with pytest.raises(InvalidArgument, match="no time zone"):
        await work(naive, Mail())


async def test_the_transaction_of_a_completion_is_noted() -> None:
    tx = object()

    async def send(job: Job[Mail]) -> None:
        await job.complete(tx=tx)
        with pytest.raises(InvalidArgument, match="say what follows first"):
            job.then(Text())

    assert (await work(send, Mail())).completed_in is tx


async def test_its_own_cancel_ends_it() -> None:
    async def send(job: Job[Mail]) -> None:
        assert job.cancel_reason is None
        job.cancel()
        assert job.cancel_reason is CancelReason.SELF
        await anyio.sleep_forever()

    with pytest.raises(JobCancelled, match="self"):
        await work(send, Mail())


async def test_a_timeout_on_a_mock_clock() -> None:
    clock, reasons = MockClock(), []

    async def send(job: Job[Mail]) -> None:
        try:
            await anyio.sleep_forever()
        finally:
            reasons.append(job.cancel_reason)

    async def run() -> None:
        with pytest.raises(JobTimeout):
            await work(send, Mail(), timeout=timedelta(hours=1), clock=clock)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(run)
        await clock.advance(3600)
    assert reasons == [CancelReason.TIMEOUT]


async def test_middleware_wraps_it() -> None:
    order: list[str] = []

    def layer(name: str):
        async def wraps(job, call_next):
            order.append(name)
            return await call_next(job)

        return wraps

    async def send(job: Job[Mail]) -> None:
        order.append("send")

    await work(send, Mail(), middleware=[layer("outer"), layer("inner")])
    assert order == ["outer", "inner", "send"]


class Picky(Args, kind="picky"):
    n: int = 0

    def __post_init__(self) -> None:
        if self.n < 0:
            raise ValueError("n below 0")


class Unholdable(Args, kind="unholdable"):
    thing: object = None


async def test_what_no_store_takes_is_refused() -> None:
    async def takes(job: Job[Args]) -> object:
        return object()

    with pytest.raises(ArgsError):
        await work(takes, Unholdable(object()))
    with pytest.raises(ArgsError, match="the handler's result"):
        await work(takes, Mail())
    with pytest.raises(InvalidArgument, match="attempt=8"):
        await work(takes, Mail(), attempt=8)
    with pytest.raises(InvalidArgument, match="timeout"):
        await work(takes, Mail(), timeout=0)


async def test_args_go_through_json_as_in_a_store() -> None:
    async def takes(job: Job[Picky]) -> None: ...

    args = Picky(1)
    args.n = -1
    with pytest.raises(ArgsDecodeError, match="n below 0"):
        await work(takes, args)
