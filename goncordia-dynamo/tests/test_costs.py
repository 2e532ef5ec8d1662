"""What jobs cost, from the capacity that the server says was consumed, request by request.

The local server tells no costs of PartiQL: the proxy executes each statement by itself as the same
write, whose cost is told, and bills a read that finds nothing as AWS does.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

import anyio
import pytest
from goncordia.ids import uuid7
from goncordia.jobs import NewJob, UniqueKey, completed
from goncordia.sessions import Claim, WorkerInfo
from goncordia_dynamo import DynamoDriver
from goncordia_testservers.dynamo import Dynamo
from goncordia_testservers.dynamo_proxy import DynamoProxy

pytestmark = [pytest.mark.anyio, pytest.mark.one_python]
log = logging.getLogger(__name__)
TTL = timedelta(seconds=60)
ARGS = b'{"text":"%s"}' % (b"x" * 640)


@pytest.fixture
def proxy(dynamodb: Dynamo) -> Iterator[DynamoProxy]:
    with DynamoProxy(dynamodb.endpoint) as proxy:
        proxy.billing = True
        yield proxy


class Bill:
    """What was billed since it was asked last."""

    def __init__(self, proxy: DynamoProxy) -> None:
        self._proxy = proxy
        self._before = (0.0, 0.0)

    def units(self) -> tuple[float, float]:
        """Read and write units."""
        now = self._proxy.units("read units"), self._proxy.units("write units")
        before, self._before = self._before, now
        return now[0] - before[0], now[1] - before[1]


def new(driver: DynamoDriver) -> NewJob:
    return NewJob(driver.new_id("send_email", "default"), "send_email", ARGS)


@pytest.mark.parametrize("n", [1, 100])
async def test_a_job_of_a_kilobyte_costs_six_writes_and_a_read(make, proxy, n) -> None:
    async with make(endpoint=proxy.endpoint, lag=timedelta(seconds=60), spread=16) as driver:
        await driver.migrate()
        session = await driver.join(WorkerInfo("worker"), TTL)
        bill, told = Bill(proxy), []
        for _ in range(2):  # the first time a process and a queue are new
            bill.units()
            await driver.insert([new(driver) for _ in range(n)])
            told.append(bill.units())
            claims = await driver.claim(Claim(uuid7(), session.id, {"default": n}))
            assert len(claims.jobs) == n
            told.append(bill.units())
            await driver.finish([completed(job) for job in claims.jobs])
            told.append(bill.units())
        inserted, claimed, finished = told[3:]
        log.info("%d jobs: inserted %s, claimed %s, finished %s", n, inserted, claimed, finished)
        assert sum(part[1] for part in (inserted, claimed, finished)) / n <= 6
        assert sum(part[0] for part in (inserted, claimed, finished)) / n <= 1
        assert proxy.units("wasted write units") == 0


@pytest.mark.parametrize("shards", [1, 4])
async def test_an_idle_pool_costs_a_read_a_second(make, proxy, shards) -> None:
    """All that an idle pool that leads does in the time of one beat, which is also the lag."""
    second = timedelta(seconds=1)
    async with make(endpoint=proxy.endpoint, lag=60 * second, shards=shards) as driver:
        await driver.migrate()
        session = await driver.join(WorkerInfo("worker"), TTL)
        await driver.insert([new(driver)])
        [job] = (await driver.claim(Claim(uuid7(), session.id, {"default": 1}))).jobs
        await driver.finish([completed(job)])
        bill = Bill(proxy)
        bill.units()
        assert not (await driver.claim(Claim(uuid7(), session.id, {"default": 1}))).jobs
        looked = bill.units()
        await driver.beat(session.id, [])
        await driver.compare_and_set("leader", None, session.id.bytes, ttl=20 * second)
        await driver.rescue(1000, observed=20 * second)
    async with make(driver.table, endpoint=proxy.endpoint, lag=5 * second, shards=shards) as other:
        await other.beat(session.id, [])
        kept = bill.units()
        assert not (await other.claim(Claim(uuid7(), session.id, {"default": 1}))).jobs
        first = bill.units()
    beat = 5.0  # seconds, of a pool and of the lag
    reads = looked[0] / driver.habits.poll + (first[0] - looked[0] + kept[0] - 1) / beat
    log.info("%d shards: %.2f read units a second, %s a look", shards, reads, looked[0])
    assert (looked[1], first[1]) == (0, 0)
    assert reads <= 1


@pytest.mark.parametrize("kinds", [3, 60])
@pytest.mark.parametrize("slots", [10, 100])
async def test_a_job_costs_no_more_where_many_are_claimed_one_by_one(
    make, proxy, slots, kinds
) -> None:
    """All slots are taken by slow jobs, and whenever one ends another one is claimed."""
    async with make(endpoint=proxy.endpoint, lag=timedelta(seconds=60), spread=16) as driver:
        await driver.migrate()
        names = tuple(f"kind_of_job_{n}" for n in range(kinds))
        session = await driver.join(WorkerInfo("worker", ("default",), names, slots), TTL)
        bill, told, held = Bill(proxy), (0.0, 0.0), []
        for done in (0, slots, slots):  # the first jobs make a process and a queue known
            bill.units()
            await driver.insert([new(driver) for _ in range(slots)])
            for _ in range(slots):
                if done:
                    await driver.finish([completed(held.pop(0))])
                claims = await driver.claim(Claim(uuid7(), session.id, {"default": 1}))
                held += claims.jobs
            told = bill.units()
        assert len(held) == slots
        reads, writes = (part / slots for part in told)
        log.info("%d slots: %s read units and %s write units a job", slots, reads, writes)
        assert writes <= 6
        assert reads <= 1
        assert (await driver.beat(session.id, [job.token for job in held])).alive
        reads, writes = bill.units()
        assert reads == 0
        assert writes == (1 if kinds < 10 else 2)  # their names make the session's item larger


@pytest.mark.parametrize("claims", [[40], [1] * 10, [1] * 100])
async def test_a_beat_costs_a_write_however_many_jobs(make, proxy, claims) -> None:
    async with make(endpoint=proxy.endpoint, lag=timedelta(seconds=60)) as driver:
        await driver.migrate()
        worker = WorkerInfo("worker", concurrency=sum(claims))
        session = await driver.join(worker, TTL)
        await driver.insert([new(driver) for _ in range(sum(claims))])
        tokens = [uuid7() for _ in claims]
        for token, n in zip(tokens, claims, strict=True):
            await driver.claim(Claim(token, session.id, {"default": n}))
        bill = Bill(proxy)
        bill.units()
        assert (await driver.beat(session.id, tokens)).alive
        assert bill.units() == (0, 1)


async def test_a_unique_job_costs_what_its_transaction_does(make, proxy) -> None:
    async with make(endpoint=proxy.endpoint, lag=timedelta(seconds=60)) as driver:
        await driver.migrate()
        bill, told = Bill(proxy), (0.0, 0.0)
        for n in range(2):
            bill.units()
            job = new(driver)
            job.unique = UniqueKey(b"%032d" % n)
            await driver.insert([job])
            told = bill.units()
        reads, writes = told
        assert writes <= 8
        assert reads <= 3


async def test_four_workers_waste_no_more_than_a_twentieth(make, proxy) -> None:
    """Each has a shard of its own, so that they seldom want the same job."""
    jobs = 400
    async with contextlib.AsyncExitStack() as opened:
        first = make(shards=4, lag=timedelta(seconds=60), endpoint=proxy.endpoint)
        options = {"shards": 4, "lag": timedelta(seconds=60), "endpoint": proxy.endpoint}
        drivers = [first, *(make(first.table, **options) for _ in range(3))]
        for driver in drivers:
            await opened.enter_async_context(driver)
            await driver.migrate()
        await first.insert([new(first) for _ in range(jobs)])
        sessions = [await driver.join(WorkerInfo("worker"), TTL) for driver in drivers]
        assert {session.id.int % 4 for session in sessions} == {0, 1, 2, 3}
        bill, done = Bill(proxy), 0
        bill.units()

        async def work(driver: DynamoDriver, session: UUID) -> None:
            nonlocal done
            while done < jobs:
                claims = await driver.claim(Claim(uuid7(), session, {"default": 5}))
                await driver.finish([completed(job) for job in claims.jobs])
                done += len(claims.jobs)

        async with anyio.create_task_group() as tasks:
            for driver, session in zip(drivers, sessions, strict=True):
                tasks.start_soon(work, driver, session.id)
        wasted, (_, paid) = proxy.units("wasted write units"), bill.units()
        log.info("of %s write units %s were wasted", paid, wasted)
        assert sum(driver.usage.wasted for driver in drivers) == wasted
        assert done == jobs
        assert wasted <= paid / 20
