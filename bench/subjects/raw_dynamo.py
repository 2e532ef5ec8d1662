"""DynamoDB by hand, over the driver's own client: PutItem, PartiQL to claim and finish.

The same items in the same table; no sessions, no unique keys, no log of what is claimed, one level
of priority, one queue, and no answer to who was quicker.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID, uuid4

from goncordia.clock import to_micros, utc_now
from goncordia.ids import uuid7
from goncordia.jobs import JobRow
from goncordia.lifecycle import State
from goncordia_dynamo import DynamoDriver, statements
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

from subjects.raw_queue import RawQueue

SHARDS = 4
SOMEBODY = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}
STATEMENTS, PUTS = 25, 32
MOST = 100_000
DAY = timedelta(days=1)
KEPT = ("M", "Q", "B", "W", "raw")
ABSENT = "attribute_not_exists(pk)"
"""Without it a put that is sent again would undo what became of the job."""


def driver(url: str) -> DynamoDriver:
    """Of the table and endpoint that the bench names: `endpoint#table`."""
    endpoint, _, table = url.partition("#")
    os.environ.update(SOMEBODY)
    return DynamoDriver(table, region="local", endpoint=endpoint, shards=SHARDS)


async def clear(of: DynamoDriver) -> None:
    """Remove all jobs: a new table, with what drivers that are open know to be there."""
    table, call = of._table, of._caller.call  # pyright: ignore[reportPrivateUsage] - the same client
    kept = [item for partition in KEPT for item in await table.query_all(partition)]
    await call("DeleteTable", {"TableName": of.table}, Done)
    await call("CreateTable", definition(of.table), Done)
    for item in kept:
        await table.put(item)


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
        raise Unsupported  # a million would take a quarter of an hour
    slots, call = asyncio.Semaphore(8), of._caller.call  # pyright: ignore[reportPrivateUsage] - the same client
    rows = [*map(row, range(queued)), *(row(n, State.COMPLETED) for n in range(finished))]

    async def put(part: Sequence[Item]) -> None:
        puts = [{"PutRequest": {"Item": item}} for item in part]
        async with slots:
            await call("BatchWriteItem", {"RequestItems": {of.table: puts}}, Done)

    parts = [rows[at : at + STATEMENTS] for at in range(0, len(rows), STATEMENTS)]
    await asyncio.gather(*map(put, parts))


class SUBJECT(RawQueue[UUID, Item]):
    writes = wasted = 0
    settings = f"the driver's HTTP client, {PUTS} conditional puts at once, {SHARDS} shards"

    async def open(self) -> None:
        self.driver = driver(self.url)
        await self.driver.__aenter__()
        await self.driver.migrate()
        self.caller = self.driver._caller  # pyright: ignore[reportPrivateUsage] - the same client
        self.table = self.driver.table
        self.claims = statements.claim(self.table)
        self.finishes = statements.complete(self.table, result=False, tell=False)
        self.first = await self._count() % SHARDS

    async def _count(self) -> int:
        """How often the table was opened: so that processes begin at different shards."""
        request = {
            "TableName": self.table,
            "Key": {"pk": text("raw"), "sk": text("opened")},
            "UpdateExpression": "ADD n :one",
            "ExpressionAttributeValues": {":one": number(1)},
            "ReturnValues": "ALL_NEW",
        }
        return integer((await self.caller.call("UpdateItem", request, Updated)).attributes["n"])

    def spent(self) -> dict[str, float]:
        return {"writes": self.writes, "wasted": self.wasted}

    def asked(self) -> int:
        return self.driver.usage.requests

    async def close(self) -> None:
        await self.driver.close()

    async def clear(self) -> None:
        await clear(self.driver)

    def prepare(self, n: int) -> None:
        self.rows = list(map(row, range(n)))

    async def enqueue(self, n: int) -> None:
        request = {"TableName": self.table, "Item": self.rows[n], "ConditionExpression": ABSENT}
        await self.caller.call("PutItem", request, Done)

    async def enqueue_tx(self, n: int) -> None:
        put = {"Put": {"TableName": self.table, "Item": self.rows[n]}}
        await self.caller.call("TransactWriteItems", {"TransactItems": [put]}, Done)

    async def enqueue_many(self, first: int, n: int) -> None:
        slots = asyncio.Semaphore(PUTS)

        async def put(n: int) -> None:
            async with slots:
                await self.enqueue(n)

        await asyncio.gather(*map(put, range(first, first + n)))

    async def take(self, size: int) -> tuple[UUID, list[Item]]:
        token, now, found = uuid4(), number(to_micros(utc_now())), list[Item]()
        for shard in [*range(self.first, SHARDS), *range(self.first)]:
            if len(found) < size:
                request = {
                    "TableName": self.table,
                    "IndexName": "due",
                    "KeyConditionExpression": "gp = :gp",
                    "ExpressionAttributeValues": {":gp": text(line("default", 0, shard))},
                    "Limit": size - len(found),
                }
                found += (await self.caller.call("Query", request, Queried)).items
        told = [text(token.hex), text(token.hex), now]
        places = [[item["pk"], item["sk"], item["gs"]] for item in found]
        return token, await self._execute(self.claims, [[*told, *place] for place in places])

    async def finish(self, claimed: Sequence[Item], token: UUID) -> None:
        now = to_micros(utc_now())
        told = [number(now), number(now + 86_400_000_000), number(now // 10**6), text("done")]
        held = [[*told, item["pk"], item["sk"], text(token.hex)] for item in claimed]
        await self._execute(self.finishes, held)

    async def stock(self, queued: int, finished: int) -> None:
        await stock(self.driver, queued, finished)

    async def _execute(self, statement: str, rows: Sequence[Sequence[object]]) -> list[Item]:
        chunks = [rows[at : at + STATEMENTS] for at in range(0, len(rows), STATEMENTS)]

        async def execute(chunk: Sequence[Sequence[object]]) -> Statements:
            told = [{"Statement": statement, "Parameters": row} for row in chunk]
            call = self.caller.call("BatchExecuteStatement", {"Statements": told}, Statements)
            return await call

        answers = await asyncio.gather(*map(execute, chunks))
        said = [one for answer in answers for one in answer.responses]
        self.writes, self.wasted = self.writes + len(said), self.wasted + sum(map(_failed, said))
        return [one.item for one in said if one.item and not one.error]


def _failed(said: Statement) -> bool:
    return said.error is not None
