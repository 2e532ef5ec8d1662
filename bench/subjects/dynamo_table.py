"""The table that goncordia's DynamoDB driver makes, by hand: over the driver's own client."""

# pyright: reportPrivateUsage=false
# the same client: what differs is what it is asked
from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import timedelta
from typing import TypeVar

from goncordia.clock import utc_now
from goncordia.ids import uuid7
from goncordia.jobs import JobRow
from goncordia.lifecycle import State
from goncordia_dynamo import DynamoDriver
from goncordia_dynamo.keys import Layout, line
from goncordia_dynamo.record import Record, item_of
from goncordia_dynamo.schema import definition
from goncordia_dynamo.values import (
    Done,
    Item,
    Queried,
    Statement,
    Statements,
    Updated,
    integer,
    number,
    text,
)
from subject import TO, Unsupported

SHARDS = 4
SOMEBODY = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}
STATEMENTS = 25
MOST = 100_000
"""Rows that are added in a minute."""
DAY = timedelta(days=1)
T = TypeVar("T")
KEPT = ("M", "Q", "B", "W", "raw")


def driver(url: str) -> DynamoDriver:
    """Of the table and endpoint that the bench names: `endpoint#table`."""
    endpoint, _, table = url.partition("#")
    os.environ.update(SOMEBODY)
    return DynamoDriver(table, region="local", endpoint=endpoint, shards=SHARDS)


async def clear(of: DynamoDriver) -> None:
    """Remove all jobs: a new table, with what drivers that are open know to be there."""
    table, call = of._table, of._caller.call
    kept = [item for partition in KEPT for item in await table.query_all(partition)]
    await call("DeleteTable", {"TableName": of.table}, Done)
    await call("CreateTable", definition(of.table), Done)
    for item in kept:
        await table.put(item)


async def opened(of: DynamoDriver) -> int:
    """How often this was asked: so that processes begin at different shards."""
    request = {
        "TableName": of.table,
        "Key": {"pk": text("raw"), "sk": text("opened")},
        "UpdateExpression": "ADD n :one",
        "ExpressionAttributeValues": {":one": number(1)},
        "ReturnValues": "ALL_NEW",
    }
    return integer((await of._caller.call("UpdateItem", request, Updated)).attributes["n"])


def row(n: int, state: State = State.AVAILABLE) -> Item:
    """A job as it is stored: one that waits, or one that is over."""
    now = utc_now()
    over = now + DAY if state is State.COMPLETED else None
    args = b'{"n":%d,"to":"%b"}' % (n, TO.encode())
    job = JobRow(uuid7(), "note", args, 1, "default", 0, state, 0, 25, 0, now, now)
    job.finished_at, job.expire_at = over and now, over
    return item_of(Record(job), Layout(SHARDS, 16))


async def stock(of: DynamoDriver, queued: int, finished: int) -> None:
    """Add so many jobs, without looking at what stands there."""
    if queued + finished > MOST:
        raise Unsupported
    rows = [*map(row, range(queued)), *(row(n, State.COMPLETED) for n in range(finished))]

    async def put(part: Sequence[Item]) -> None:
        puts = [{"PutRequest": {"Item": item}} for item in part]
        await of._caller.call("BatchWriteItem", {"RequestItems": {of.table: puts}}, Done)

    await at_once(8, put, parts(rows))


async def waiting(of: DynamoDriver, first: int, size: int) -> list[Item]:
    """The first jobs that wait in a shard, and if these are too few in the next ones."""
    found: list[Item] = []
    for n in range(SHARDS):
        if len(found) < size:
            shard = line("default", 0, (first + n) % SHARDS)
            request = {
                "TableName": of.table,
                "IndexName": "due",
                "KeyConditionExpression": "gp = :gp",
                "ExpressionAttributeValues": {":gp": text(shard)},
                "Limit": size - len(found),
            }
            found += (await of._caller.call("Query", request, Queried)).items
    return found


async def execute(
    of: DynamoDriver, statement: str, rows: Sequence[Sequence[object]]
) -> list[Statement]:
    """A statement with each of these parameters, in batches, all at once."""

    async def batch(part: Sequence[Sequence[object]]) -> list[Statement]:
        told = [{"Statement": statement, "Parameters": row} for row in part]
        call = of._caller.call("BatchExecuteStatement", {"Statements": told}, Statements)
        return (await call).responses

    # no nursery: it is raw, and has no limit, as it never has more parts than a claim
    return [said for answer in await asyncio.gather(*map(batch, parts(rows))) for said in answer]


async def at_once(n: int, do: Callable[[T], Awaitable[None]], each: Iterable[T]) -> None:
    """Do it with each, `n` at a time."""
    slots = asyncio.Semaphore(n)  # and no nursery, as raw isolates nobody

    async def one(subject: T) -> None:
        async with slots:
            await do(subject)

    await asyncio.gather(*map(one, each))


def parts(rows: Sequence[T]) -> list[Sequence[T]]:
    """As many as a batch takes."""
    return [rows[at : at + STATEMENTS] for at in range(0, len(rows), STATEMENTS)]
