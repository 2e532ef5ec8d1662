"""The caller's own writes and their jobs: both or neither."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import anyio
import botocore.session  # pyright: ignore[reportMissingTypeStubs]
import pytest
from goncordia import Args, Client, Job, Registry, State, worker_pool
from goncordia.answers import Finished, Insertion
from goncordia.errors import HandleMismatch, InvalidArgument, TransactionConflict, Unavailable
from goncordia.ids import uuid7
from goncordia.jobs import NewJob, completed
from goncordia.sessions import Claim, WorkerInfo
from goncordia_dynamo import (
    ConditionFailed,
    DynamoDriver,
    DynamoTransaction,
    EntryConflict,
    Throttled,
    TransactionTooLarge,
)
from goncordia_dynamo.call import WAITS
from goncordia_dynamo.errors import cancelled
from goncordia_dynamo.values import Reason
from goncordia_testservers.dynamo import Dynamo
from goncordia_testservers.dynamo_proxy import DynamoProxy

pytestmark = pytest.mark.anyio


class SendConfirmation(Args, kind="send_confirmation"):
    order: str


def order(table: str, number: str, *, once: bool = True) -> dict[str, Any]:
    """An entry of a caller's own; here in the same table, which it need not be."""
    item = {"pk": {"S": f"order#{number}"}, "sk": {"S": "o"}}
    condition = {"ConditionExpression": "attribute_not_exists(pk)"} if once else {}
    return {"Put": {"TableName": table, "Item": item, **condition}}


def new(driver: DynamoDriver) -> NewJob:
    return NewJob(driver.new_id("k", "q"), "k", b"{}", queue="q")


async def running(driver: DynamoDriver):
    session = await driver.join(WorkerInfo("worker"), timedelta(seconds=60))
    await driver.insert([new(driver)])
    [job] = (await driver.claim(Claim(uuid7(), session.id, {"q": 1}))).jobs
    return session, job


async def test_a_job_exists_if_and_only_if_the_callers_writes_do(driver) -> None:
    client = Client(driver)
    async with driver.begin() as tx:
        tx.add(order(driver.table, "1"))
        sent = await client.enqueue(SendConfirmation("1"), tx=tx)
    assert sent.status is Insertion.STAGED
    assert (await client.get(sent.id)) is not None
    tx = DynamoTransaction()
    tx.add(order(driver.table, "2"), order(driver.table, "1"))
    lost = await client.enqueue(SendConfirmation("1"), tx=tx)
    with pytest.raises(ConditionFailed) as raised:
        await driver.commit(tx)
    assert raised.value.entries == (1,)
    assert isinstance(raised.value, TransactionConflict)
    assert await client.get(lost.id) is None
    async with driver.begin() as tx:
        tx.add(order(driver.table, "2"))  # of which nothing was written before


async def test_a_client_of_ones_own_may_commit_it(driver, dynamodb: Dynamo) -> None:
    client = Client(driver)
    tx = DynamoTransaction()
    tx.add(order(driver.table, "1"))
    args = SendConfirmation("x" * 2000)  # what is large has an item of its own
    sent = await client.enqueue(args, tx=tx)
    assert await client.get(sent.id) is None
    theirs = botocore.session.get_session().create_client(
        "dynamodb", region_name="local", endpoint_url=dynamodb.endpoint
    )
    theirs.transact_write_items(TransactItems=tx.items)
    theirs.close()
    row = await client.get(sent.id)
    assert row is not None
    assert row.args == b'{"order":"%s"}' % (b"x" * 2000)


async def test_more_than_a_hundred_entries_are_refused_before_anything_is_sent(driver) -> None:
    await driver.insert([new(driver)])  # the queue is known, and costs no entry
    jobs = [new(driver) for _ in range(100)]
    tx = DynamoTransaction()
    tx.add(*(order(driver.table, f"{n}") for n in range(50)))
    await driver.insert(jobs[:50], tx=tx)
    requests = driver.usage.requests
    with pytest.raises(TransactionTooLarge, match="101 entries"):
        tx.add(order(driver.table, "more"))
    assert driver.usage.requests == requests
    with pytest.raises(TransactionTooLarge, match="101 entries"):
        await driver.insert(jobs[50:51], tx=tx)
    assert len(tx.items) == 100
    await driver.commit(tx)
    assert [row is not None for row in await driver.get([j.id for j in jobs])] == [True] * 50 + [
        False
    ] * 50


async def test_a_new_queue_may_get_jobs_of_several_priorities(driver) -> None:
    async with driver.begin() as tx:
        jobs = [new(driver) for _ in range(3)]
        for n, job in enumerate(jobs):
            job.priority = n
        await driver.insert(jobs, tx=tx)
    session = await driver.join(WorkerInfo("worker"), timedelta(seconds=60))
    claims = await driver.claim(Claim(uuid7(), session.id, {"q": 3}))
    assert [job.priority for job in claims.jobs] == [2, 1, 0]


async def test_what_is_too_large_for_dynamodb_is_named(driver) -> None:
    item = {"pk": {"S": "large"}, "sk": {"S": "o"}, "text": {"S": "x" * 410_000}}
    entry = {"Put": {"TableName": driver.table, "Item": item}}
    with pytest.raises(TransactionTooLarge):
        async with driver.begin() as tx:
            tx.add(entry)
            await driver.insert([new(driver)], tx=tx)


async def test_an_outcome_counts_with_the_callers_writes_and_is_fenced(driver) -> None:
    session, job = await running(driver)
    tx = DynamoTransaction()
    tx.add(order(driver.table, "1"))
    assert await driver.finish([completed(job, b"7")], tx=tx) == [Finished.STAGED]
    await driver.leave(session.id)
    await driver.rescue(10)
    with pytest.raises(ConditionFailed):
        await driver.commit(tx)
    [row] = await driver.get([job.id])
    assert (row.state, row.result) == (State.RETRYABLE, None)
    with pytest.raises(TransactionConflict):  # known before it is sent
        async with driver.begin() as late:
            late.add(order(driver.table, "1"))
            await driver.finish([completed(job)], tx=late)


async def test_a_commit_whose_reply_was_lost_is_sent_again(make, dynamodb: Dynamo) -> None:
    with DynamoProxy(dynamodb.endpoint) as proxy:
        async with make(endpoint=proxy.endpoint) as driver:
            await driver.migrate()
            tx = DynamoTransaction()
            tx.add(order(driver.table, "1"))
            job = new(driver)
            await driver.insert([job], tx=tx)
            proxy.rates = {"lost": 1.0}
            with pytest.raises(Unavailable):
                await driver.commit(tx)
            proxy.rates = {}
            await driver.commit(tx)  # the order is there already, by this very commit
            assert (await driver.get([job.id]))[0] is not None


async def test_a_throttled_commit_is_rerun_later(make, dynamodb: Dynamo) -> None:
    with DynamoProxy(dynamodb.endpoint) as proxy:
        async with make(endpoint=proxy.endpoint) as driver:
            await driver.migrate()
            await driver.insert([new(driver)])  # the queue is known: then a job is one entry
            tx = DynamoTransaction()
            await driver.insert([new(driver)], tx=tx)
            proxy.rates = {"half throttled": 1.0}
            with pytest.raises(Throttled):
                await driver.commit(tx)
            assert driver.usage.throttled == proxy.counts["half throttled"] == len(WAITS) + 1
            proxy.rates = {}
            await driver.commit(tx)


async def test_a_commit_that_meets_another_is_rerun(make, dynamodb: Dynamo) -> None:
    with DynamoProxy(dynamodb.endpoint) as proxy:
        async with make(endpoint=proxy.endpoint) as driver:
            await driver.migrate()
            proxy.rates = {"in conflict": 1.0}
            tx = DynamoTransaction()
            await driver.insert([new(driver)], tx=tx)
            with pytest.raises(EntryConflict) as raised:
                await driver.commit(tx)
            assert type(raised.value) is EntryConflict
            assert len(raised.value.entries) == proxy.counts["in conflict"] == 1
            proxy.rates = {}
            await driver.commit(tx)


async def test_four_megabytes_are_too_large(driver) -> None:
    entries = [order(driver.table, f"{n}") for n in range(12)]
    for entry in entries:
        entry["Put"]["Item"]["text"] = {"S": "x" * 380_000}
    with pytest.raises(TransactionTooLarge):
        async with driver.begin() as tx:
            tx.add(*entries)
            await driver.insert([new(driver)], tx=tx)
    assert await driver._table.query_all("order#0") == []


@pytest.mark.parametrize(
    ("codes", "kind", "entries"),
    [
        (["None", "ConditionalCheckFailed", "TransactionConflict"], ConditionFailed, (1,)),
        (["TransactionConflict", "None", "TransactionConflict"], EntryConflict, (0, 2)),
        (["None", "ThrottlingError"], Throttled, None),
        (["ProvisionedThroughputExceeded"], Throttled, None),
        (["ItemCollectionSizeLimitExceeded"], TransactionTooLarge, None),
        (["ValidationError"], InvalidArgument, None),
    ],
)
def test_each_reason_of_a_cancellation_has_its_error(codes, kind, entries) -> None:
    error = cancelled([Reason(code) for code in codes])
    assert type(error) is kind
    assert getattr(error, "entries", None) == entries


async def test_it_belongs_to_one_table_and_one_commit(driver, make) -> None:
    tx = DynamoTransaction()
    await driver.insert([new(driver)], tx=tx)
    async with make() as other:
        await other.migrate()
        with pytest.raises(HandleMismatch, match="table"):
            await other.insert([new(other)], tx=tx)
    await driver.commit(tx)
    with pytest.raises(HandleMismatch, match="committed"):
        await driver.insert([new(driver)], tx=tx)


async def test_a_pool_runs_jobs_and_completes_them_in_transactions(driver) -> None:
    jobs = Registry()

    @jobs.worker
    async def send(job: Job[SendConfirmation]) -> None:
        if job.args.order == "tx":
            async with driver.begin() as tx:
                tx.add(order(driver.table, f"sent-{uuid4()}"))
                await job.complete(tx=tx)

    client = Client(driver)
    sent = await client.enqueue_many([SendConfirmation(order) for order in ["tx", *"abcdefgh"]])
    with anyio.fail_after(60):
        async with worker_pool(driver, jobs, poll=0.05):
            for each in sent:
                await client.wait(each.id)
    rows = [await client.get(each.id) for each in sent]
    assert {row and row.state for row in rows} == {State.COMPLETED}
    assert [row and row.errors for row in rows] == [()] * len(rows)


async def test_a_queues_first_job_is_not_missed_by_who_committed_it(make) -> None:
    """Its queue was looked up before there was one, and that is not believed any longer."""
    async with make(lag=timedelta(hours=1)) as driver:
        await driver.migrate()
        session = await driver.join(WorkerInfo("worker"), timedelta(seconds=60))
        async with driver.begin() as tx:
            await driver.insert([new(driver)], tx=tx)
        assert (await driver.claim(Claim(uuid7(), session.id, {"q": 1}))).jobs
