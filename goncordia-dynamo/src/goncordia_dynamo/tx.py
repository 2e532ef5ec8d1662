"""The caller's transaction: their own entries of `TransactWriteItems`, and the jobs added."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from uuid import UUID, uuid4

import msgspec
from goncordia.errors import HandleMismatch, TransactionConflict

from goncordia_dynamo import keys
from goncordia_dynamo.draft import Draft, large_part
from goncordia_dynamo.errors import TransactionTooLarge
from goncordia_dynamo.keys import Layout
from goncordia_dynamo.record import Record, item_of
from goncordia_dynamo.table import ENTRIES
from goncordia_dynamo.unique import Guard
from goncordia_dynamo.write import JSON, Level, Put, Write


class Taking(msgspec.Struct):
    """A unique key that the transaction takes."""

    guard: Guard
    job: UUID
    write: Write


class Staged:
    """What the driver added."""

    def __init__(self) -> None:
        self.records: dict[UUID, Record] = {}
        """New jobs, as they will be."""
        self.drafts: dict[UUID, Draft] = {}
        """Jobs that are there, as they will be."""
        self.takings: dict[bytes, Taking] = {}
        self.checks: dict[UUID, Write] = {}
        self.levels: dict[str, set[int]] = {}
        """Priorities that queues are not known to have, by queue."""
        self.doomed = False
        """Whether an outcome is among them that is known not to count."""

    def writes(self, layout: Layout) -> Iterator[Write]:
        """In the order in which they are sent."""
        for record in self.records.values():
            large = large_part(record, layout)
            yield Put(item_of(record, layout))
            yield from large
        for draft in self.drafts.values():
            yield draft.change(layout)
        yield from (taking.write for taking in self.takings.values())
        yield from (check for job, check in self.checks.items() if job not in self.drafts)
        for queue, priorities in self.levels.items():
            yield Level(keys.queue(queue), tuple(sorted(priorities)))


class DynamoTransaction:
    """Entries that are written all together or not at all, at most 100 of them.

    `add` takes your own, as boto3's `transact_write_items` does; `client.enqueue(..., tx=tx)` and
    `driver.finish(..., tx=tx)` add theirs. Commit it by `await driver.commit(tx)`, by leaving
    `async with driver.begin() as tx`, or with a client of your own: `TransactItems=tx.items`.
    """

    def __init__(self) -> None:
        self.own: list[JSON] = []
        """The caller's entries."""
        self.token = str(uuid4())
        """Names the commit, so that it may be sent again (`ClientRequestToken`)."""
        self.closed = False
        self.table = ""
        self.layout: Layout | None = None
        self.staged = Staged()

    def add(self, *entries: Mapping[str, object]) -> None:
        """Add entries of your own: `{"Put": {...}}`, `{"Update": {...}}` and so on.

        Raises `TransactionTooLarge` above 100 entries with those of jobs.
        """
        self.own += entries
        try:
            self.check()
        except TransactionTooLarge:
            del self.own[-len(entries) :]
            raise

    @property
    def items(self) -> list[dict[str, object]]:
        """All entries, the caller's first, as boto3's `transact_write_items` takes them.

        Raises `TransactionConflict` where an outcome is staged whose token holds its job no more.
        """
        if self.staged.doomed:
            raise TransactionConflict(
                "an outcome in the transaction is of a job that its token holds no more: rerun it"
            )
        self.check()
        return msgspec.to_builtins(
            [*self.own, *(write.entry(self.table) for write in self._writes())],
            builtin_types=(bytes,),
        )

    def check(self) -> None:
        """Raise `TransactionTooLarge` if it holds more than DynamoDB takes."""
        n = len(self.own) + sum(1 for _ in self._writes())
        if n > ENTRIES:
            raise TransactionTooLarge(
                f"{n} entries in the transaction: DynamoDB takes at most {ENTRIES}; enqueue fewer "
                "jobs in it, or the rest without tx"
            )

    def use(self, table: str, layout: Layout) -> None:
        """Belong to a table.

        Raises `HandleMismatch` if it was committed, or has jobs of another table.
        """
        if self.closed:
            raise HandleMismatch("the transaction was committed: begin another")
        if self.table not in ("", table):
            raise HandleMismatch(f"the transaction has jobs of table {self.table}, not {table}")
        self.table, self.layout = table, layout

    @contextmanager
    def adding(self, table: str, layout: Layout) -> Generator[None]:
        """Add within the block: all of it, or nothing if it raises or is too much."""
        self.use(table, layout)
        saved = deepcopy(self.staged)
        try:
            yield
            self.check()
        except BaseException:
            self.staged = saved
            raise

    def _writes(self) -> Iterator[Write]:
        return iter(()) if self.layout is None else self.staged.writes(self.layout)
