"""DynamoDB by hand: the same items, PutItem, PartiQL; no sessions, unique keys, log of claims."""

# pyright: reportPrivateUsage=false
from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID, uuid4

from goncordia.clock import to_micros, utc_now
from goncordia_dynamo import statements
from goncordia_dynamo.values import Done, Item, number, text

from subjects import dynamo_table as table
from subjects.raw_queue import RawQueue

PUTS = 32
ABSENT = "attribute_not_exists(pk)"  # or a put that is sent again undoes what became of the job


class SUBJECT(RawQueue[UUID, Item]):
    writes = wasted = 0
    settings = f"the driver's HTTP client, {PUTS} conditional puts at once, {table.SHARDS} shards"

    async def open(self) -> None:
        self.driver = table.driver(self.url)
        await self.driver.__aenter__()
        await self.driver.migrate()
        self.call = self.driver._caller.call
        self.first = await table.opened(self.driver)

    def spent(self) -> dict[str, float]:
        return {"writes": self.writes, "wasted": self.wasted}

    def asked(self) -> int:
        return self.driver.usage.requests

    async def close(self) -> None:
        await self.driver.close()

    async def clear(self) -> None:
        await table.clear(self.driver)

    def prepare(self, n: int) -> None:
        self.rows = list(map(table.row, range(n)))

    async def enqueue(self, n: int) -> None:
        put = {"TableName": self.driver.table, "Item": self.rows[n], "ConditionExpression": ABSENT}
        await self.call("PutItem", put, Done)

    async def enqueue_tx(self, n: int) -> None:
        put = {"TableName": self.driver.table, "Item": self.rows[n]}
        await self.call("TransactWriteItems", {"TransactItems": [{"Put": put}]}, Done)

    async def enqueue_many(self, first: int, n: int) -> None:
        await table.at_once(PUTS, self.enqueue, range(first, first + n))

    async def take(self, size: int) -> tuple[UUID, list[Item]]:
        token, now = uuid4(), number(to_micros(utc_now()))
        found = await table.waiting(self.driver, self.first, size)
        held = [text(token.hex), text(token.hex), now]
        places = [[*held, item["pk"], item["sk"], item["gs"]] for item in found]
        return token, await self._execute(statements.claim(self.driver.table), places)

    async def finish(self, claimed: Sequence[Item], token: UUID) -> None:
        now = to_micros(utc_now())
        told = [number(now), number(now + 86_400_000_000), number(now // 10**6), text("done")]
        held = [[*told, item["pk"], item["sk"], text(token.hex)] for item in claimed]
        done = statements.complete(self.driver.table, result=False, tell=False)
        await self._execute(done, held)

    async def stock(self, queued: int, finished: int) -> None:
        await table.stock(self.driver, queued, finished)

    async def _execute(self, statement: str, rows: Sequence[Sequence[object]]) -> list[Item]:
        said = await table.execute(self.driver, statement, rows)
        self.writes += len(said)
        self.wasted += sum(one.error is not None for one in said)
        return [one.item for one in said if one.item and not one.error]
