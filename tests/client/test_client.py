"""What clients tell of real stores whose jobs a pool runs: results, ends, counts, reasons."""

from __future__ import annotations

import threading
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, Never
from uuid import UUID, uuid4

import anyio
import msgspec
import pytest
from goncordia import (
    Args,
    Client,
    Discard,
    Driver,
    Job,
    JobFailed,
    JobNotFound,
    Registry,
    State,
    SyncClient,
    WaitTimeout,
    open_driver,
    open_sync_driver,
    worker_pool,
)
from goncordia.actions import Acted
from goncordia.ids import uuid7
from goncordia.reasons import (
    AttemptsSpent,
    Behind,
    Cancelling,
    HasEnded,
    HolderLost,
    Next,
    NoHandler,
    NotDue,
    NoWorker,
    QueuePaused,
    Running,
)
from goncordia.sessions import Claim, WorkerInfo
from goncordia.sweep import Sweep

pytestmark = pytest.mark.anyio


class Sum(Args, kind="sum"):
    of: list[int]


class Total(msgspec.Struct):
    total: int


class Hold(Args, kind="hold"):
    pass


class Shop:
    """An application: its workers, and a gate at which one kind of them waits."""

    def __init__(self) -> None:
        self.jobs = Registry()
        self.began, self.gate = anyio.Event(), anyio.Event()
        self.jobs.worker(args=Sum)(self.sum)
        self.jobs.worker(args=Hold)(self.hold)

    async def sum(self, job: Job[Sum]) -> Total:
        if not job.args.of:
            raise Discard("nothing to add up")
        return Total(sum(job.args.of))

    async def hold(self, job: Job[Hold]) -> None:
        self.began.set()
        with anyio.CancelScope(shield=True):
            await self.gate.wait()


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A store with the schema in it."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/jobs.db?synchronous=normal"
    else:
        url = request.getfixturevalue("postgres_url")
    with open_sync_driver(url) as driver:
        driver.migrate()
    return url


@pytest.fixture
async def driver(anyio_backend: str, url: str) -> AsyncGenerator[Driver[Never]]:
    """An open driver on it."""
    async with open_driver(url) as driver:
        yield driver


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.fixture
def client(driver: Driver[Never]) -> Client[Never]:
    return Client(driver)


@asynccontextmanager
async def working(driver: Driver[Never], shop: Shop) -> AsyncGenerator[None]:
    async with worker_pool(driver, shop.jobs, shutdown_timeout=0.01):
        with anyio.fail_after(60):
            yield
        shop.gate.set()


async def test_a_result_is_waited_for(driver, shop: Shop, client: Client[Never]) -> None:
    async with working(driver, shop):
        job = await client.enqueue(Sum(of=[3, 4]))
        assert await client.wait(job.job_id, type=Total) == Total(7)
        assert await client.wait(job.job_id) == {"total": 7}


async def test_ends_without_one_are_errors(driver, shop: Shop, client: Client[Never]) -> None:
    async with working(driver, shop):
        with pytest.raises(JobFailed, match="Discard: nothing to add up"):
            await client.wait((await client.enqueue(Sum(of=[]))).id)
        later = (await client.enqueue(Sum(of=[]), run_at=timedelta(days=1))).id
        with pytest.raises(WaitTimeout):
            await client.wait(later, timeout=0.05)
        await client.cancel(later)
        with pytest.raises(JobFailed, match="is cancelled"):
            await client.wait(later)
        await client.delete(later)
        with pytest.raises(JobNotFound):
            await client.wait(later)


async def test_many_are_watched(driver, shop: Shop, client: Client[Never]) -> None:
    jobs = {(await client.enqueue(Sum(of=[n, n]))).id: 2 * n for n in range(20)}
    lost = (await client.enqueue(Sum(of=[]))).id
    results: dict[UUID, object] = {}
    async with working(driver, shop):
        async for ended in client.watch(*jobs, lost):
            assert ended.row is not None
            results[ended.id] = msgspec.json.decode(ended.row.result or b"null")
            assert ended.succeeded == (ended.id != lost)
    assert results == {job: {"total": total} for job, total in jobs.items()} | {lost: None}


async def test_a_waiter_may_be_cancelled(client: Client[Never]) -> None:
    job = (await client.enqueue(Sum(of=[1]))).id
    with anyio.move_on_after(0.01) as scope:
        await client.wait(job)
    assert scope.cancelled_caught
    assert (await client.count()).n == 1


async def test_all_that_is_found_is_acted_on(client: Client[Never]) -> None:
    await client.enqueue_many([Sum(of=[n]) for n in range(2500)])
    keep = (await client.enqueue(Sum(of=[]), queue="other", tags=["keep"])).id
    assert await client.cancel_all(kinds=["sum"], queues=["default"], dry=True) == Sweep(2500)
    swept = await client.cancel_all(kinds=["sum"], queues=["default"])
    assert swept == Sweep(2500, {Acted.CHANGED: 2500})
    assert await client.delete_all(states=[State.CANCELLED], limit=2000) == Sweep(
        2000, {Acted.CHANGED: 2000}, more=True
    )
    assert (await client.amend_all(tags=["keep"], priority=3)).changed == 1
    row = await client.get(keep)
    assert row is not None
    assert row.priority == 3
    assert (await client.count(limit=100)).more


async def why(client: Client[Never], job: UUID) -> list[type]:
    return [type(reason) for reason in (await client.explain(job)).reasons]


async def test_it_says_why_jobs_wait_run_and_ended(
    driver: Driver[Never], shop: Shop, client: Client[Never]
) -> None:
    job = (await client.enqueue(Sum(of=[]), max_attempts=1)).id
    later = (await client.enqueue(Sum(of=[]), run_at=timedelta(hours=3))).id
    assert await why(client, job) == [NoWorker]
    session = await driver.join(WorkerInfo("w", ("default",), ("other",)), timedelta(minutes=1))
    assert await why(client, job) == [NoHandler]
    await driver.leave(session.id)
    await client.pause("default")
    async with working(driver, shop):
        assert await why(client, job) == [QueuePaused]
        assert await why(client, later) == [NotDue, QueuePaused]
        second = (await client.enqueue(Hold())).id
        assert await why(client, second) == [QueuePaused, Behind]
        await client.resume("default")
        await shop.began.wait()
        assert await why(client, second) == [Running]
        await client.cancel(second)
        assert await why(client, second) == [Cancelling]
        assert [ended.id async for ended in client.watch(job)] == [job]
        assert await why(client, job) == [HasEnded, AttemptsSpent]
        shop.gate.set()
        with pytest.raises(JobNotFound):
            await client.explain(uuid4())


async def test_nothing_holds_it_back_or_its_holder_is_dead(
    driver: Driver[Never], client: Client[Never]
) -> None:
    job = (await client.enqueue(Sum(of=[]))).id
    session = await driver.join(WorkerInfo("w"), timedelta(minutes=1))
    assert await why(client, job) == [Next]
    await driver.claim(Claim(uuid7(), session.id, {"default": 1}))
    assert await why(client, job) == [Running]
    await driver.leave(session.id)
    assert await why(client, job) == [HolderLost]


# Without an event loop.


@pytest.fixture
def blocking(url: str) -> Iterator[SyncClient[Never]]:
    with open_sync_driver(url) as driver:
        yield SyncClient(driver)


def beside(url: str, loop: str, work: Callable[[], object]) -> None:
    """Do it while a pool works in another thread."""
    ready, done = threading.Event(), threading.Event()

    async def run() -> None:
        async with (
            open_driver(url) as driver,
            worker_pool(driver, Shop().jobs),
        ):
            ready.set()
            await anyio.to_thread.run_sync(done.wait)

    thread = threading.Thread(target=anyio.run, args=(run,), kwargs={"backend": loop})
    thread.start()
    try:
        assert ready.wait(60)
        work()
    finally:
        done.set()
        thread.join()


@pytest.mark.parametrize("loop", ["asyncio", "trio"])
def test_the_same_from_plain_functions(url: str, loop: str, blocking: SyncClient[Never]) -> None:
    def work() -> None:
        job = blocking.enqueue(Sum(of=[1, 2])).id
        assert blocking.wait(job, timeout=60, type=Total) == Total(3)
        with pytest.raises(JobFailed):
            blocking.wait(blocking.enqueue(Sum(of=[])).id, timeout=60)
        jobs = [each.id for each in blocking.enqueue_many([Sum(of=[n]) for n in range(5)])]
        told: list[Any] = list(blocking.watch(*jobs, timeout=60))
        assert sorted(ended.id for ended in told) == jobs
        assert [type(reason) for reason in blocking.explain(job).reasons] == [HasEnded]

    beside(url, loop, work)
    assert blocking.count(states=[State.COMPLETED]).n == 6
    assert blocking.retry_all(kinds=["sum"]).changed == 1
    with pytest.raises(WaitTimeout):
        list(blocking.watch(timeout=0.05))
