"""Without an event loop: clients in threads, on the same table."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import uuid4

import pytest
from goncordia import SyncClient, open_sync_driver
from goncordia.answers import Finished
from goncordia.errors import HandleMismatch, InvalidArgument, SchemaMismatch, Unavailable
from goncordia.ids import uuid7
from goncordia.jobs import completed
from goncordia.sessions import Claim, WorkerInfo
from goncordia_conformance.sync_tour import Mail, tour
from goncordia_dynamo import (
    ConditionFailed,
    DynamoDriver,
    DynamoTransaction,
    SyncDynamoDriver,
    Throttled,
    TransactionTooLarge,
)
from goncordia_testservers.dynamo import Dynamo
from goncordia_testservers.dynamo_proxy import DynamoProxy

Make = Callable[..., SyncDynamoDriver]


@pytest.fixture
def make_sync(dynamodb: Dynamo) -> Make:
    """A driver of a table of its own, not opened yet."""

    def make(table: str = "", **options) -> SyncDynamoDriver:
        settings = {"region": "local", "endpoint": dynamodb.endpoint, "spread": 2} | options
        settings.setdefault("lag", timedelta(0))
        return SyncDynamoDriver(table or f"t{uuid4().hex}", **settings)  # pyright: ignore[reportArgumentType]

    return make


@pytest.fixture
def driver(make_sync: Make) -> Iterator[SyncDynamoDriver]:
    with make_sync() as driver:
        assert [step.name for step in driver.migrate()] == ["table"]
        assert driver.migrate() == []
        yield driver


def entry(driver: SyncDynamoDriver, name: str) -> dict[str, object]:
    """One of the caller's own."""
    item = {"pk": {"S": name}, "sk": {"S": "order"}}
    condition = "attribute_not_exists(pk)"
    return {"Put": {"TableName": driver.table, "Item": item, "ConditionExpression": condition}}


def test_a_client_does_all_it_can(dynamodb: Dynamo) -> None:
    url = f"dynamodb://t{uuid4().hex}?region=local&endpoint={dynamodb.endpoint}&spread=1"
    driver = open_sync_driver(url, tx=DynamoTransaction)
    assert isinstance(driver, SyncDynamoDriver)
    with driver:
        driver.migrate()
        tour(driver, driver.begin())


def test_a_job_exists_if_and_only_if_the_callers_entries_do(driver: SyncDynamoDriver) -> None:
    client = SyncClient(driver)
    with driver.begin() as tx:
        tx.add(entry(driver, "order#1"))
        sent = client.enqueue(Mail("a"), tx=tx)
    assert client.get(sent.id)
    with pytest.raises(ConditionFailed) as raised, driver.begin() as tx:
        tx.add(entry(driver, "order#1"))
        client.enqueue(Mail("b"), tx=tx)
    assert raised.value.entries == (0,)
    with pytest.raises(ZeroDivisionError), driver.begin() as tx:
        client.enqueue(Mail("c"), tx=tx)
        raise ZeroDivisionError
    assert [row.id for row in client.jobs().rows] == [sent.id]
    with driver.begin() as tx, pytest.raises(TransactionTooLarge):
        tx.add(*[entry(driver, f"order#{n}") for n in range(101)])
    with pytest.raises(HandleMismatch):
        client.enqueue(Mail("d"), tx=object())  # pyright: ignore[reportArgumentType] - untyped callers


@pytest.mark.anyio
async def test_an_outcome_is_told_once(anyio_backend: str, driver: SyncDynamoDriver, make) -> None:
    """A worker elsewhere claims; what it hands out is finished here, by its token alone."""
    SyncClient(driver).enqueue_many([Mail(str(n)) for n in range(30)])
    async with make(driver.table) as worker:
        session = await worker.join(WorkerInfo("worker"), timedelta(minutes=1))
        jobs = (await worker.claim(Claim(uuid7(), session.id, {"default": 30}))).jobs
    assert len(jobs) == 30
    ends = [completed(job) for job in jobs]
    with driver.begin() as tx:
        assert driver.finish(ends[:1], tx=tx) == [Finished.STAGED]
    assert driver.finish(ends) == [Finished.DONE] * 30
    jobs[0].token = uuid7()
    assert driver.finish([completed(jobs[0])]) == [Finished.LOST]


def test_threads_share_it(make_sync: Make) -> None:
    """Each job is there once, over no more connections than it may have."""
    with make_sync(connections=3) as driver:
        driver.migrate()
        client, before = SyncClient(driver), driver.usage.requests
        client.enqueue(Mail("first"))
        asked = driver.usage.requests - before
        with ThreadPoolExecutor(8) as threads:
            list(threads.map(client.enqueue, [Mail(str(n)) for n in range(100)]))
        assert client.stats()[0].n == 101
        assert driver.usage.requests - before >= asked + 100
        assert 1 <= len(driver._driver._caller._wire._idle) <= 3  # pyright: ignore[reportOptionalMemberAccess]


def test_what_is_throttled_is_done_and_what_is_lost_is_unavailable(
    make_sync: Make, dynamodb: Dynamo, monkeypatch: pytest.MonkeyPatch
) -> None:
    rates = {"half throttled": 0.5, "throttled": 0.2}
    with (
        DynamoProxy(dynamodb.endpoint, rates, seed=1) as proxy,
        make_sync(endpoint=proxy.endpoint) as driver,
    ):
        driver.migrate()
        client = SyncClient(driver)
        assert len({sent.id for sent in client.enqueue_many([Mail("a")] * 60)}) == 60
        assert driver.usage.throttled >= proxy.counts["throttled"] > 0
        proxy.rates = {"lost": 1.0}
        with pytest.raises(Unavailable, match="broke off"):
            driver.stats()
        proxy.rates = {"throttled": 1.0}
        monkeypatch.setattr("goncordia_dynamo.call.WAITS", (0.001,) * 6)
        with pytest.raises(Throttled):
            driver.stats()
        proxy.rates = {}
        assert client.stats()[0].n == 60


def test_a_server_that_hangs_is_given_up(make_sync: Make) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        endpoint = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with (
            make_sync(endpoint=endpoint, timeout=0.1) as driver,
            pytest.raises(Unavailable, match=r"did not answer in 0\.1 s"),
        ):
            driver.stats()


def test_what_is_wrong_is_said(make_sync: Make) -> None:
    with pytest.raises(InvalidArgument, match="names no table"):
        open_sync_driver("dynamodb://")
    with make_sync() as driver, pytest.raises(SchemaMismatch, match="migrate"):
        driver.stats()
    with make_sync(endpoint="http://127.0.0.1:9") as driver, pytest.raises(Unavailable):
        driver.stats()

    class Aio:
        async def get_credentials(self):
            raise AssertionError

    with (
        make_sync(session=Aio()) as driver,
        pytest.raises(InvalidArgument, match="boto3 or botocore"),
    ):
        driver.stats()


def test_it_promises_what_the_other_does(driver: SyncDynamoDriver) -> None:
    other = DynamoDriver(driver.table, region="local", lag=timedelta(0))
    assert driver.capabilities == other.capabilities
    assert (driver.habits, driver.handles, driver.name) == (
        *(other.habits, other.handles, other.name),
    )
