"""The table, its index and its version."""

from __future__ import annotations

from collections.abc import Mapping

from goncordia.answers import Step
from goncordia.errors import InvalidArgument, SchemaMismatch, Unavailable

from goncordia_dynamo.errors import Refused
from goncordia_dynamo.keys import INDEX, META
from goncordia_dynamo.table import Table
from goncordia_dynamo.values import Described, Done, Item, integer, number

STEPS = (Step(1, "table"),)
VERSION = STEPS[-1].version
TTL = {"AttributeName": "ttl", "Enabled": True}
PATIENCE = 120
"""Half seconds for a new table to become active."""


Units = tuple[int, int]
"""Read units and write units a second, provisioned for the table and as many for its index."""


def definition(name: str, provisioned: Units | None = None) -> Mapping[str, object]:
    """The table, as `CreateTable` and CloudFormation describe it; on demand unless provisioned."""
    throughput = _throughput(provisioned)
    return {
        "TableName": name,
        "BillingMode": "PROVISIONED" if provisioned else "PAY_PER_REQUEST",
        **throughput,
        "AttributeDefinitions": [
            {"AttributeName": part, "AttributeType": "S"} for part in ("pk", "sk", "gp", "gs")
        ],
        "KeySchema": _keys("pk", "sk"),
        "GlobalSecondaryIndexes": [
            {
                "IndexName": INDEX,
                "KeySchema": _keys("gp", "gs"),
                "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["kind", "state"]},
                **throughput,
            }
        ],
    }


def _keys(partition: str, sort: str) -> list[dict[str, str]]:
    return [
        {"AttributeName": partition, "KeyType": "HASH"},
        {"AttributeName": sort, "KeyType": "RANGE"},
    ]


def checked(provisioned: Units | None) -> Units | None:
    """Raise `InvalidArgument` unless both numbers are 1 or more."""
    if provisioned is not None and min(provisioned) < 1:
        raise InvalidArgument(f"provisioned={provisioned}: use 1 or more units of each")
    return provisioned


def _throughput(provisioned: Units | None) -> Mapping[str, object]:
    if provisioned is None:
        return {}
    read, write = provisioned
    return {"ProvisionedThroughput": {"ReadCapacityUnits": read, "WriteCapacityUnits": write}}


async def migrate(table: Table, provisioned: Units | None = None) -> list[Step]:
    """Create what is missing; the steps that this call applied."""
    if await _described(table) is None:
        await _create(table, provisioned)
    await _until_active(table)
    found = await table.get(META)
    if found is None:
        await _expire(table)
        await table.put(_meta(table))
        return list(STEPS)
    check(found, table)
    return []


async def _described(table: Table) -> Described | None:
    try:
        request = {"TableName": table.name}
        return await table.caller.call("DescribeTable", request, Described)
    except SchemaMismatch:
        return None


async def _create(table: Table, provisioned: Units | None) -> None:
    try:
        await table.caller.call("CreateTable", definition(table.name, provisioned), Done)
    except Refused as refused:
        if refused.code != "ResourceInUseException":  # another process was quicker
            raise


async def _until_active(table: Table) -> None:
    for _ in range(PATIENCE):
        found = await _described(table)
        if found is not None and found.table.table_status == "ACTIVE":
            _check_shape(table, found)
            if all(each.index_status == "ACTIVE" for each in found.table.global_secondary_indexes):
                return
        await table.caller.io.sleep(0.5)
    raise Unavailable(f"table {table.name} did not become active; try again")


def _check_shape(table: Table, found: Described) -> None:
    names = [part.attribute_name for part in found.table.key_schema]
    indexes = {index.index_name for index in found.table.global_secondary_indexes}
    if names != ["pk", "sk"] or INDEX not in indexes:
        raise SchemaMismatch(
            f"table {table.name} is there and not as goncordia makes it (keys {names}, indexes "
            f"{sorted(indexes)}): name another, or give it what `goncordia migrate "
            "--cloudformation` prints"
        )


async def _expire(table: Table) -> None:
    """Let DynamoDB remove what has expired, for nothing."""
    request = {"TableName": table.name, "TimeToLiveSpecification": TTL}
    try:
        await table.caller.call("UpdateTimeToLive", request, Done)
    except Refused as refused:
        if refused.code != "ValidationException":  # it is enabled already
            raise


def _meta(table: Table) -> Item:
    layout = table.layout
    return {
        **META,
        "version": number(VERSION),
        "shards": number(layout.shards),
        "spread": number(layout.spread),
    }


def check(found: Item | None, table: Table) -> None:
    """Raise `SchemaMismatch` unless the table is of this version, and laid out as the driver is."""
    if found is None:
        raise SchemaMismatch(
            f"table {table.name} is empty: run `goncordia migrate`, or await driver.migrate()"
        )
    version = integer(found.get("version"))
    if version != VERSION:
        raise SchemaMismatch(
            f"table {table.name} is version {version}, this driver knows {VERSION}: install the "
            f"{'newer' if version > VERSION else 'older'} goncordia-dynamo"
        )
    for name, mine in (("shards", table.layout.shards), ("spread", table.layout.spread)):
        its = integer(found.get(name))
        if its != mine:
            raise SchemaMismatch(
                f"table {table.name} was made with {name}={its}, and the driver was opened with "
                f"{name}={mine}: open it with {name}={its}"
            )
