"""Reading and writing items of the table, in batches, with what was throttled tried again."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from operator import itemgetter
from typing import NamedTuple

import msgspec
from goncordia.errors import Unavailable

from goncordia_dynamo.call import WAITS, Caller
from goncordia_dynamo.errors import (
    CONDITION,
    CONFLICT,
    DUPLICATE,
    THROTTLED,
    TRANSIENT,
    Refused,
    Throttled,
    TransactionTooLarge,
)
from goncordia_dynamo.keys import INDEX, Layout
from goncordia_dynamo.values import (
    Done,
    Found,
    Item,
    Many,
    Queried,
    Reason,
    Statement,
    Statements,
    Updated,
    Value,
    text,
)
from goncordia_dynamo.write import JSON, Batched, Write

WASTED = CONDITION | DUPLICATE
STATEMENTS = 25
"""The most statements of a batch."""
READS = 100
"""The most keys of a batch."""
ENTRIES = 100
"""The most entries of a transaction."""


class Outcome(msgspec.Struct, frozen=True, gc=False):
    """What became of one write: whether it was done, and else whether it met another write."""

    done: bool
    busy: bool = False
    item: Item | None = None
    """As returned; where a condition failed, as it stands."""


class Page(NamedTuple):
    """Items of a query, and where it goes on."""

    items: list[Item]
    after: Item | None


class Table:
    """The table of a name, as laid out."""

    def __init__(self, name: str, layout: Layout, caller: Caller) -> None:
        self.name = name
        self.layout = layout
        self.caller = caller
        self.abreast = caller.io.abreast

    # Reading.

    async def get(self, key: Item, *, strong: bool = True) -> Item | None:
        """One item, as it stands now; unless `strong`, at half the price and perhaps late."""
        request = {"TableName": self.name, "Key": key, "ConsistentRead": strong}
        return (await self.caller.call("GetItem", request, Found)).item

    async def get_many(self, keys: Sequence[Item]) -> list[Item | None]:
        """Items in the order of their keys, as they stand now."""
        distinct = list({_name(key): key for key in keys}.values())
        found: dict[tuple[str | None, str | None], Item] = {}
        chunks = [distinct[at : at + READS] for at in range(0, len(distinct), READS)]
        for items in await self.abreast(self._read, chunks):
            found.update((_name(item), item) for item in items)
        return [found.get(_name(key)) for key in keys]

    async def _read(self, keys: Sequence[Item]) -> list[Item]:
        items: list[Item] = []
        for wait in (*WAITS, None):
            request = {"RequestItems": {self.name: {"Keys": keys, "ConsistentRead": True}}}
            answer = await self.caller.call("BatchGetItem", request, Many)
            items += answer.responses.get(self.name, ())
            unread = answer.unprocessed_keys.get(self.name)
            if unread is None:
                return items
            keys = unread.keys
            await self.caller.slow_down(wait)
        raise Throttled(f"{len(keys)} items could not be read: DynamoDB asks to go more slowly")

    async def query(
        self,
        partition: str,
        *,
        before: str | None = None,
        after: Item | None = None,
        newest: bool = False,
        limit: int | None = None,
        strong: bool = True,
    ) -> Page:
        """A page of a partition of the table; `before` is the greatest sort key, excluded."""
        condition, values = "pk = :pk", {":pk": text(partition)}
        if before is not None:
            condition, values = "pk = :pk AND sk < :before", {**values, ":before": text(before)}
        request: dict[str, object] = {
            "TableName": self.name,
            "KeyConditionExpression": condition,
            "ExpressionAttributeValues": values,
            "ConsistentRead": strong,
            "ScanIndexForward": not newest,
        }
        return await self._page(request, after, limit)

    async def query_all(self, partition: str, *, strong: bool = True) -> list[Item]:
        """All of a partition of the table; unless `strong`, at half the price and perhaps late."""
        page = await self.query(partition, strong=strong)
        items = page.items
        while page.after is not None:
            page = await self.query(partition, after=page.after, strong=strong)
            items += page.items
        return items

    async def waiting(
        self, line: str, *, after: Item | None = None, limit: int | None = None
    ) -> Page:
        """A page of a partition of the index: what waits there, in order."""
        request: dict[str, object] = {
            "TableName": self.name,
            "IndexName": INDEX,
            "KeyConditionExpression": "gp = :gp",
            "ExpressionAttributeValues": {":gp": text(line)},
        }
        return await self._page(request, after, limit)

    async def ended(self, partition: str, after: Item | None) -> Page:
        """A page of a partition's ended jobs: their queues and states, perhaps late."""
        request: dict[str, object] = {
            "TableName": self.name,
            "KeyConditionExpression": "pk = :pk",
            "FilterExpression": "attribute_exists(ended)",
            "ProjectionExpression": "#queue, #state",
            "ExpressionAttributeNames": {"#queue": "queue", "#state": "state"},
            "ExpressionAttributeValues": {":pk": text(partition)},
        }
        return await self._page(request, after, None)

    async def _page(
        self, request: dict[str, object], after: Item | None, limit: int | None
    ) -> Page:
        if after is not None:
            request["ExclusiveStartKey"] = after
        if limit is not None:
            request["Limit"] = limit
        answer = await self.caller.call("Query", request, Queried)
        return Page(answer.items, answer.last_evaluated_key)

    # Writing.

    async def put(self, item: Item) -> None:
        """Write an item, whatever stands there."""
        await self.caller.call("PutItem", {"TableName": self.name, "Item": item}, Done)

    async def update(
        self,
        key: Item,
        text: str,
        values: Mapping[str, Value],
        *,
        names: Mapping[str, str] | None = None,
        condition: str | None = None,
        tell: bool = True,
    ) -> Item:
        """Update one item by an expression; the item then, where it is to be told.

        Raises `Refused` where the condition fails.
        """
        request: dict[str, object] = {
            "TableName": self.name,
            "Key": key,
            "ReturnValues": "ALL_NEW" if tell else "NONE",
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        request["UpdateExpression"] = text
        if values:
            request["ExpressionAttributeValues"] = values
        if names:
            request["ExpressionAttributeNames"] = names
        if condition is not None:
            request["ConditionExpression"] = condition
        return (await self.caller.call("UpdateItem", request, Updated)).attributes

    async def apply(self, writes: Sequence[Batched]) -> list[Outcome]:
        """Write each under its own conditions; of two of one item, the second one after the first.

        A batch holds an item once.
        """
        outcomes: dict[int, Outcome] = {}
        left: list[tuple[int, Batched]] = list(enumerate(writes))
        while left:
            first = {write.key: (n, write) for n, write in reversed(left)}
            part = sorted(first.values(), key=itemgetter(0))
            done = await self.execute([write.statement(self.name) for _, write in part])
            outcomes.update((n, outcome) for (n, _), outcome in zip(part, done, strict=True))
            left = [(n, write) for n, write in left if n not in outcomes]
        return [outcomes[n] for n in range(len(writes))]

    async def execute(self, statements: Sequence[JSON]) -> list[Outcome]:
        """Execute statements, each by itself.

        Raises `Unavailable`, when all were tried, if it is not known of one whether it was done.
        """
        chunks = [statements[at : at + STATEMENTS] for at in range(0, len(statements), STATEMENTS)]
        done = await self.abreast(self._execute, chunks)
        return [outcome for chunk in done for outcome in chunk]

    async def _execute(self, statements: Sequence[JSON]) -> list[Outcome]:
        said = await self._ask(statements)
        self.caller.count("statements", len(said))
        if any(each.error for each in said):
            await self._insist(statements, said)
            self.caller.count("wasted", len(_places(WASTED, said)))
        return [_outcome(each) for each in said]

    async def _insist(self, statements: Sequence[JSON], said: list[Statement]) -> None:
        """Send again what was throttled, with patience, and put the answers in their places."""
        waits = iter(WAITS)
        while throttled := _places(THROTTLED, said):
            wait = next(waits, None)
            await self.caller.slow_down(wait, len(throttled))
            if wait is None:
                return
            again = await self._ask([statements[place] for place in throttled])
            for place, each in zip(throttled, again, strict=True):
                said[place] = each

    async def _ask(self, statements: Sequence[JSON]) -> list[Statement]:
        request = {"Statements": statements}
        return (await self.caller.call("BatchExecuteStatement", request, Statements)).responses

    async def transact(self, writes: Sequence[Write]) -> list[Reason] | None:
        """Write all or nothing; None: done, else why not, entry by entry."""
        entries = [write.entry(self.name) for write in writes]
        return await self.commit(entries)

    async def commit(
        self, entries: Sequence[JSON], token: str | None = None
    ) -> list[Reason] | None:
        """As `transact`, of entries as DynamoDB takes them; a token lets it be sent again."""
        if len(entries) > ENTRIES:
            raise TransactionTooLarge(
                f"{len(entries)} entries in one transaction: DynamoDB takes at most {ENTRIES}"
            )
        request: dict[str, object] = {"TransactItems": entries}
        if token is not None:
            request["ClientRequestToken"] = token
        for wait in (*WAITS, None):
            try:
                await self.caller.call("TransactWriteItems", request, Done)
            except Refused as refused:
                reasons = _reasons(refused, len(entries))
                throttled = sum(reason.code in THROTTLED for reason in reasons)
                if throttled:
                    await self.caller.slow_down(wait, throttled)
                if not throttled or wait is None:
                    return reasons
            else:
                return None
        return None


def _name(item: Mapping[str, Value]) -> tuple[str | None, str | None]:
    return item["pk"].s, item["sk"].s


def _places(codes: Collection[str], said: Sequence[Statement]) -> list[int]:
    """Where an answer is an error of these."""
    return [place for place, each in enumerate(said) if each.error and each.error.code in codes]


def _outcome(statement: Statement) -> Outcome:
    error = statement.error
    if error is None:
        return Outcome(True, False, statement.item)
    if error.code in CONDITION or error.code in DUPLICATE:
        return Outcome(False, item=error.item)
    if error.code in CONFLICT:
        return Outcome(False, busy=True)
    if error.code in THROTTLED:
        raise Throttled("some statements were throttled again and again")
    if error.code in TRANSIENT:
        raise Unavailable(f"some statements failed, send them again: {error.message}")
    raise Refused(error.code, error.message or "")


def _reasons(refused: Refused, n: int) -> list[Reason]:
    if refused.reasons:
        return list(refused.reasons)
    if refused.code in CONFLICT:
        return [Reason("TransactionConflict")] * n
    raise refused
