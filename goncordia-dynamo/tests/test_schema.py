"""The table as `migrate` and CloudFormation make it, and who may do what with it."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from uuid import uuid4

import msgspec
import pytest
from goncordia import Client
from goncordia.actions import Cancel, Delete, Retry
from goncordia.answers import Filter, QueueChange
from goncordia.cli.app import run
from goncordia.errors import DriverNotFound, InvalidArgument, SchemaMismatch, StoreUnusable
from goncordia.ids import uuid7
from goncordia.jobs import (
    AttemptError,
    Conflict,
    Hold,
    NewJob,
    UniqueKey,
    completed,
    failed,
)
from goncordia.plugins import open_driver, print_schema
from goncordia.sessions import Claim, WorkerInfo
from goncordia_dynamo import DynamoDriver, DynamoTransaction
from goncordia_dynamo.call import Caller
from goncordia_dynamo.schema import definition
from goncordia_dynamo.values import Cost, Done, Value
from goncordia_testservers.dynamo import Dynamo

pytestmark = pytest.mark.anyio
TTL = timedelta(seconds=60)


def new(driver: DynamoDriver, **options) -> NewJob:
    return NewJob(driver.new_id("k", "q"), "k", options.pop("args", b"{}"), queue="q", **options)


async def test_a_missing_table_is_told_with_the_remedy(make) -> None:
    async with make() as driver:
        with pytest.raises(SchemaMismatch, match="goncordia migrate"):
            await Client(driver).stats()
        assert [step.name for step in await driver.migrate()] == ["table"]
        assert await driver.migrate() == []


@pytest.mark.parametrize("other", [{"shards": 2}, {"spread": 3}])
async def test_a_table_laid_out_otherwise_is_refused(driver, make, other) -> None:
    async with make(driver.table, **other) as wrong:
        for call in (wrong.stats, wrong.migrate):
            with pytest.raises(SchemaMismatch, match="open it with"):
                await call()


async def test_a_table_of_others_is_refused(make) -> None:
    async with make() as driver:
        theirs = {
            "TableName": driver.table,
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
            "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        }
        await driver._caller.call("CreateTable", theirs, Done)
        with pytest.raises(SchemaMismatch, match="not as goncordia makes it"):
            await driver.migrate()


async def test_a_driver_that_is_not_open_says_so(make) -> None:
    with pytest.raises(StoreUnusable, match="async with"):
        await make().stats()


async def test_a_url_names_the_table(dynamodb: Dynamo) -> None:
    url = "dynamodb://jobs.of-shop?region=eu-west-1&shards=4"
    opened = open_driver(url, tx=DynamoTransaction)
    assert isinstance(opened, DynamoDriver)
    assert (opened.table, opened.capabilities.order) == ("jobs.of-shop", "window")
    for wrong in ("dynamodb://", "dynamodb://t/x", "dynamodb://t?shard=1", "dynamodb://t?shards=0"):
        with pytest.raises(InvalidArgument):
            open_driver(wrong)
    with pytest.raises(DriverNotFound):
        open_driver("dynamo://t")


async def described(driver: DynamoDriver):
    request = {"TableName": driver.table}
    return (await driver._caller.call("DescribeTable", request, Raw)).table


class Raw(msgspec.Struct, rename="pascal"):
    """`DescribeTable`, as it comes."""

    table: dict[str, Any]
    consumed_capacity: Cost = None


def billing(table: dict[str, Any]) -> list[object]:
    """Of the table and its index: read and write units, none where they are paid on demand."""
    parts = [table, *table["GlobalSecondaryIndexes"]]
    none = {"ReadCapacityUnits": 0, "WriteCapacityUnits": 0}
    units = [part.get("ProvisionedThroughput", none) for part in parts]
    return [table.get("BillingModeSummary", {}).get("BillingMode", "PROVISIONED")] + [
        (each["ReadCapacityUnits"], each["WriteCapacityUnits"]) for each in units
    ]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["PAY_PER_REQUEST", (0, 0), (0, 0)]),
        ("?provisioned=3,7", ["PROVISIONED", (3, 7), (3, 7)]),
    ],
)
async def test_the_table_is_on_demand_or_provisioned(make, dynamodb, query, found) -> None:
    """As the URL says, whether `migrate` makes the table or CloudFormation does."""
    url = f"dynamodb://t{uuid7().hex}{query}"
    where = f"{'&' if query else '?'}region=local&endpoint={dynamodb.endpoint}"
    async with open_driver(url + where) as driver:
        assert isinstance(driver, DynamoDriver)
        await driver.migrate()
        assert billing(await described(driver)) == found
        assert await driver.migrate() == []
    async with make() as other:
        await created(other, print_schema(url, "cloudformation"))
        assert billing(await described(other)) == found


@pytest.mark.parametrize("said", ["5", "5,", "0,5", "a,b", "1,2,3", "-1,5", ""])
def test_units_that_make_no_sense_are_refused(said) -> None:
    with pytest.raises(InvalidArgument, match="provisioned"):
        open_driver(f"dynamodb://t?provisioned={said}")
    with pytest.raises(InvalidArgument, match="provisioned"):
        DynamoDriver("t", provisioned=(1, 0))


async def created(driver: DynamoDriver, template: str) -> None:
    """Make its table as the template says."""
    made = json.loads(template)["Resources"]["Table"]["Properties"]
    ours = ("TimeToLiveSpecification", "PointInTimeRecoverySpecification")
    request = {name: value for name, value in made.items() if name not in ours}
    await driver._caller.call("CreateTable", request | {"TableName": driver.table}, Done)


async def test_the_template_makes_the_same_table(make) -> None:
    async with make() as driver:
        await created(driver, print_schema(f"dynamodb://{driver.table}", "cloudformation"))
        assert [step.name for step in await driver.migrate()] == ["table"]
        await driver.insert([new(driver)])


async def ttl_of(driver: DynamoDriver) -> dict[str, str]:
    answer = Living
    return (
        await driver._caller.call("DescribeTimeToLive", {"TableName": driver.table}, answer)
    ).ttl


class Living(msgspec.Struct):
    """`DescribeTimeToLive`, as it comes."""

    ttl: dict[str, str] = msgspec.field(name="TimeToLiveDescription")
    consumed_capacity: Cost = None


async def test_expired_jobs_are_dynamodbs_to_remove(driver) -> None:
    assert await ttl_of(driver) == {"AttributeName": "ttl", "TimeToLiveStatus": "ENABLED"}


def test_the_command_line_prints_and_migrates(dynamodb: Dynamo, capsys) -> None:
    url = f"dynamodb://t{uuid4().hex}?region=local&endpoint={dynamodb.endpoint}"
    assert run(["migrate", "--cloudformation", "--driver", url]) == 0
    printed = json.loads(capsys.readouterr().out)["Resources"]
    assert {"Table", "ProducerPolicy", "WorkerPolicy", "OperatorPolicy"} == printed.keys()
    assert printed["Table"]["Properties"]["TimeToLiveSpecification"]["Enabled"]
    with pytest.raises(SystemExit):
        run(["stats", "--driver", url])  # nothing was applied
    capsys.readouterr()
    assert run(["migrate", "--driver", url]) == 0
    assert "table" in capsys.readouterr().out
    assert run(["migrate", "--driver", url]) == 0
    assert "up to date" in capsys.readouterr().out


async def test_a_table_of_ones_own_design_holds_jobs_too(make) -> None:
    """Its keys are ours; without our index it is refused, with it its own items and index stay."""
    ours: dict[str, Any] = {**definition("")}
    mine = {
        "IndexName": "mine",
        "KeySchema": [{"AttributeName": "mine", "KeyType": "HASH"}],
        "Projection": {"ProjectionType": "ALL"},
    }
    for indexes in ([mine], [mine, *ours["GlobalSecondaryIndexes"]]):
        async with make() as driver:
            names = ["pk", "sk", "mine", *(["gp", "gs"] if len(indexes) > 1 else [])]
            attributes = [{"AttributeName": name, "AttributeType": "S"} for name in names]
            theirs = {"AttributeDefinitions": attributes, "GlobalSecondaryIndexes": indexes}
            request = {**ours, **theirs, "TableName": driver.table}
            await driver._caller.call("CreateTable", request, Done)
            item = {name: Value(s=name) for name in ("pk", "sk", "mine")}
            await driver._table.put(item)
            if len(indexes) == 1:
                with pytest.raises(SchemaMismatch, match="--cloudformation"):
                    await driver.migrate()
                continue
            assert [step.name for step in await driver.migrate()] == ["table"]
            assert (await ttl_of(driver))["TimeToLiveStatus"] == "ENABLED"
            [sent] = await driver.insert([new(driver)])
            session = await driver.join(WorkerInfo("worker"), TTL)
            claims = await driver.claim(Claim(uuid7(), session.id, {"q": 5}))
            assert [job.id for job in claims.jobs] == [sent.id]
            assert [row.id for row in (await driver.list(Filter())).rows] == [sent.id]
            assert await driver._table.query_all("pk") == [item]


# Who may do what.


ACTIONS = {"INSERT": "PartiQLInsert", "UPDATE": "PartiQLUpdate", "DELETE": "PartiQLDelete"}
ENTRIES = {"Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem"}


def needed(operation: str, request) -> set[str]:
    """The permissions that a request takes."""
    if operation == "BatchExecuteStatement":
        return {ACTIONS[each["Statement"].split(" ", 1)[0]] for each in request["Statements"]}
    if operation == "TransactWriteItems":
        names = [name for entry in request["TransactItems"] for name in entry]
        return {ENTRIES.get(name, "ConditionCheckItem") for name in names}
    return {operation}


UNIQUE = UniqueKey(b"k" * 32, Hold.LIVE, Conflict.REPLACE)


async def produce(driver: DynamoDriver, other: DynamoDriver) -> None:
    """All that a producer does."""
    for size in (10, 2000, 10):  # what is large has an item of its own
        async with driver.begin() as tx:
            await driver.insert([new(driver, unique=UNIQUE, args=b"1" * size)], tx=tx)
        sent = await driver.insert([new(driver), new(driver, unique=UNIQUE, args=b"1" * size)])
    expired = {"TableName": driver.table, "Key": driver._table.layout.job(sent[1].id)}
    await other._caller.call("DeleteItem", expired, Done)  # as TTL does
    await driver.insert([new(driver, unique=UNIQUE)])
    await driver.get([sent[1].id])


async def work(driver: DynamoDriver, other: DynamoDriver) -> None:
    """All that a worker does."""
    session = await driver.join(WorkerInfo("worker"), TTL)
    jobs = (await driver.claim(Claim(uuid7(), session.id, {"q": 5}))).jobs
    await driver.beat(session.id, [job.token for job in jobs])
    error = AttemptError(1, jobs[0].created_at, "E", "m")
    await driver.finish([failed(jobs[0], error, timedelta(0)), completed(jobs[1])])
    await driver.finish([completed(jobs[2], follow_ups=[new(driver, unique=UNIQUE)])])
    await driver.finish([completed(job) for job in jobs[3:]])
    await driver.leave(session.id)
    await driver.rescue(10)
    await driver.compare_and_set("leader", None, b"1")
    await driver.compare_and_set("leader", b"1", b"2")
    await driver.compare_and_set("leader", b"2", None)


async def operate(driver: DynamoDriver, other: DynamoDriver) -> None:
    """All that an operator does."""
    assert await driver.migrate() == []
    jobs = [new(driver, unique=UNIQUE, args=b"1" * 2000), new(driver)]
    ids = [job.id for job in jobs]
    await driver.insert(jobs)
    for action in (Cancel(), Retry(), Cancel(), Delete()):
        await driver.act(ids, action)
    await driver.queues(QueueChange("q", paused=True))
    await driver.queues(QueueChange("q", paused=False))
    await driver.list(Filter())
    await driver.stats()
    await driver.kinds()
    await driver.sessions()
    await driver.prune(10)


BEARERS = {
    "Producer": [produce],
    "Worker": [produce, work],
    "Operator": [produce, work, operate],
}


@pytest.mark.parametrize("bearer", BEARERS)
async def test_the_policies_allow_what_their_bearers_do_and_no_more(
    driver, make, monkeypatch, bearer
) -> None:
    template = json.loads(print_schema("dynamodb://t", "cloudformation"))
    policy = template["Resources"][f"{bearer}Policy"]["Properties"]["PolicyDocument"]
    [statement] = policy["Statement"]
    asked: set[str] = set()
    indexes = 0
    call = Caller.call

    async def heard(self, operation, request, answer):
        nonlocal indexes
        if self is ours._caller:
            asked.update(needed(operation, request))
            indexes += "IndexName" in request
        return await call(self, operation, request, answer)

    await driver.insert([new(driver)])
    monkeypatch.setattr(Caller, "call", heard)
    ours = make(driver.table)
    async with ours:
        for does in BEARERS[bearer]:
            await does(ours, driver)
    assert asked == {action.split(":")[1] for action in statement["Action"]}
    assert len(statement["Resource"]) == (2 if indexes else 1)
