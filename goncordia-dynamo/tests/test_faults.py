"""What AWS does to a client: throttling, failures, lost replies, an index that lags.

A proxy on the loopback interface does it to a driver that works, while another one looks at the
table directly. What the proxy did is counted, printed at the end and never zero.
"""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from uuid import UUID

import anyio
import msgspec
import pytest
from goncordia.answers import Filter, Finished, Insertion
from goncordia.errors import Unavailable
from goncordia.ids import uuid7
from goncordia.jobs import NewJob, completed
from goncordia.lifecycle import State
from goncordia.sessions import Claim, WorkerInfo
from goncordia_conformance.bench import Bench
from goncordia_conformance.faults import WORKERS, Work
from goncordia_conformance.races.crowd import together
from goncordia_conformance.subject import Subject
from goncordia_dynamo import DynamoDriver, Throttled, keys
from goncordia_dynamo.call import WAITS
from goncordia_dynamo.io import EventLoop
from goncordia_testservers.dynamo import Dynamo
from goncordia_testservers.dynamo_proxy import DynamoProxy

from .told import TOLD

pytestmark = [pytest.mark.anyio, pytest.mark.one_python]
TTL = timedelta(seconds=60)

THROTTLES = {"throttled": 0.1, "over capacity": 0.1, "half throttled": 0.3}
BREAKS = {"failed": 0.03, "failed late": 0.03, "refused": 0.03, "lost": 0.03, "delayed": 0.1}
LAGS = {"stale": 0.4}
CONFLICTS = {"in conflict": 0.1}
EVERYTHING = BREAKS | LAGS | THROTTLES | CONFLICTS


def new(driver: DynamoDriver, n: int) -> list[NewJob]:
    return [NewJob(driver.new_id("k", "q"), "k", b"{}", queue="q") for _ in range(n)]


async def test_what_is_throttled_is_done_in_the_end(make, dynamodb: Dynamo) -> None:
    """Nobody hears of it: each call is answered, and each job is done once."""
    with DynamoProxy(dynamodb.endpoint, THROTTLES, seed=1) as proxy:
        async with make(endpoint=proxy.endpoint) as driver:
            await driver.migrate()
            session = await driver.join(WorkerInfo("worker"), TTL)
            while not all(proxy.counts[fault] for fault in THROTTLES):
                jobs = new(driver, 120)
                answers = await driver.insert(jobs)
                assert {answer.status for answer in answers} == {Insertion.CREATED}
                done: list[UUID] = []
                while len(done) < len(jobs):
                    claims = await driver.claim(Claim(uuid7(), session.id, {"q": 30}))
                    said = await driver.finish([completed(job) for job in claims.jobs])
                    assert said == [Finished.DONE] * len(claims.jobs)
                    done += [job.id for job in claims.jobs]
                assert sorted(done) == sorted(job.id for job in jobs)
                assert all(await driver.get(done))
            _told(proxy, THROTTLES)
            assert driver.usage.throttled >= sum(proxy.counts[fault] for fault in THROTTLES)


async def test_what_met_a_transaction_is_written_all_the_same(make, dynamodb: Dynamo) -> None:
    with DynamoProxy(dynamodb.endpoint, {"in conflict": 0.7}, seed=1) as proxy:
        async with make(endpoint=proxy.endpoint) as driver:
            await driver.migrate()
            jobs = new(driver, 60)
            for job in jobs[:20]:
                job.args = b'"%s"' % (b"x" * 2000)  # in items of their own
            answers = await driver.insert(jobs)
            assert {answer.status for answer in answers} == {Insertion.CREATED}
            rows = await driver.get([job.id for job in jobs])
            assert [row and row.args for row in rows] == [job.args for job in jobs]
            TOLD.update(proxy.counts)


class Restless(EventLoop):
    """Waits for nothing, and notes for how long it would have."""

    def __init__(self) -> None:
        self.waits: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)


@pytest.mark.parametrize("fault", ["throttled", "over capacity"])
async def test_what_is_throttled_again_and_again_is_unavailable(
    make, dynamodb: Dynamo, fault
) -> None:
    """After pauses that grow, no two alike; client and pool go on with their own patience."""
    with DynamoProxy(dynamodb.endpoint) as proxy:
        async with make(endpoint=proxy.endpoint) as driver:
            await driver.migrate()
            await driver.stats()
            for io in (Restless(), Restless()):
                driver._caller.io = io
                before = driver.usage.throttled
                proxy.counts.clear()
                proxy.rates = {fault: 1.0}
                with pytest.raises(Throttled) as raised:
                    await driver.insert(new(driver, 1))
                assert isinstance(raised.value, Unavailable)
                assert driver.usage.throttled - before == proxy.counts[fault] == len(WAITS) + 1
                assert all(0 <= wait <= most for wait, most in zip(io.waits, WAITS, strict=True))
                assert len({wait / most for wait, most in zip(io.waits, WAITS, strict=True)}) > 3
            proxy.rates = {}
            assert await driver.insert(new(driver, 1))


@pytest.mark.parametrize("rates", [LAGS, EVERYTHING], ids=len)
async def test_whatever_happens_the_work_ends_and_adds_up(make, dynamodb: Dynamo, rates) -> None:
    """Producer and workers send again what was not answered; each job ends once, by one token."""
    async with make() as direct:
        await direct.migrate()
        with DynamoProxy(dynamodb.endpoint, rates, seed=3) as proxy:
            async with make(direct.table, endpoint=proxy.endpoint) as driver:
                bench = Bench(direct, Subject(make))
                work = Work(bench, seed=1, kinds=())
                work.line = driver
                await together([*[work.work] * WORKERS, work.produce])
                await direct.rescue(100, now=bench.now)
                await work.check()
                _told(proxy, rates)


async def test_sixteen_share_an_index_that_lags(make, dynamodb: Dynamo) -> None:
    """Of those that see one job wait, also long after it was taken, one gets it."""
    with DynamoProxy(dynamodb.endpoint, LAGS, seed=5) as proxy:
        async with make(endpoint=proxy.endpoint, shards=4) as driver:
            await driver.migrate()
            jobs = new(driver, 200)
            await driver.insert(jobs)
            taken: Counter[UUID] = Counter()

            async def work() -> None:
                session = await driver.join(WorkerInfo("worker"), TTL)
                while len(taken) < len(jobs):
                    claims = await driver.claim(Claim(uuid7(), session.id, {"q": 5}))
                    taken.update(job.id for job in claims.jobs)
                    await driver.finish([completed(job) for job in claims.jobs])

            async with anyio.create_task_group() as tasks:
                for _ in range(16):
                    tasks.start_soon(work)
            assert taken == {job.id: 1 for job in jobs}
            _told(proxy, LAGS)


@pytest.mark.parametrize("open_claims", [1, 30], ids=["on its first page", "on another page"])
async def test_a_lost_claim_is_found_in_the_log(make, dynamodb: Dynamo, open_claims) -> None:
    """It took jobs, nobody heard of it, and its worker died."""
    claimed = open_claims + 20
    async with make() as direct:
        await direct.migrate()
        with DynamoProxy(dynamodb.endpoint) as proxy:
            async with make(direct.table, endpoint=proxy.endpoint) as driver:
                session = await driver.join(WorkerInfo("worker", concurrency=open_claims), TTL)
                await driver.insert(new(driver, claimed + 9))
                for _ in range(open_claims):
                    await driver.claim(Claim(uuid7(), session.id, {"q": 1}))
                proxy.loses = "BatchExecuteStatement"
                lost = Claim(uuid7(), session.id, {"q": 20})
                with pytest.raises(Unavailable):
                    await driver.claim(lost)
                proxy.loses = ""
                again = await driver.claim(msgspec.structs.replace(lost, resend=True))
                assert len(again.jobs) == 20
        running = await direct.list(Filter(states=(State.RUNNING,)))
        assert len(running.rows) == claimed
        await direct.leave(session.id)
        assert [each.alive for each in await direct.sessions()] == [False]
        assert (await direct.rescue(10)).more
        assert (await direct.rescue(100)).n == claimed - 10
        assert not (await direct.list(Filter(states=(State.RUNNING,)))).rows
        assert await direct.sessions() == []
        assert await direct._table.query_all(keys.pages(session.id)) == []


def _told(proxy: DynamoProxy, rates: dict[str, float]) -> None:
    TOLD.update(proxy.counts)
    assert all(proxy.counts[fault] for fault in rates)
