"""The driver: each operation on the table, and the caller's transactions."""

from __future__ import annotations

import builtins
import ssl
from collections.abc import AsyncGenerator, Collection, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from datetime import datetime, timedelta
from types import TracebackType
from typing import Self
from uuid import UUID

from goncordia.actions import Acted, Action
from goncordia.answers import (
    Cas,
    Count,
    Filter,
    Finished,
    Inserted,
    Page,
    Progress,
    Queue,
    QueueChange,
    Step,
)
from goncordia.clock import utc_now
from goncordia.errors import HandleMismatch
from goncordia.ids import uuid7, uuid7_of
from goncordia.jobs import JobRow, NewJob, Outcome
from goncordia.retention import Retention
from goncordia.sessions import Beat, Claim, Claims, Session, Wakeups, WorkerInfo

from goncordia_dynamo import (
    act,
    cas,
    counts,
    finish,
    insert,
    query,
    schema,
    sessions,
    stage,
    upkeep,
)
from goncordia_dynamo import claim as claims
from goncordia_dynamo.account import Account
from goncordia_dynamo.call import Caller, Usage
from goncordia_dynamo.io import EVENT_LOOP, Io
from goncordia_dynamo.keys import META, Layout
from goncordia_dynamo.listen import Silence
from goncordia_dynamo.promises import capabilities, habits
from goncordia_dynamo.store import Store
from goncordia_dynamo.table import Table
from goncordia_dynamo.tx import DynamoTransaction


class DynamoDriver:
    """A `Driver[DynamoTransaction]` over a table, made by `migrate`.

    `session` is one of boto3, botocore or aiobotocore, for its credentials, region and endpoint;
    without it botocore's chain is asked, and `region` and `endpoint` go before both. `shards` is
    over how many partitions each queue is spread: more take more jobs a second (some 500 each),
    and cost more to look at. One keeps strict order. It is the table's for good, as is `spread`,
    over how many partitions new jobs are. `provisioned` are read and write units a second for a
    table that `migrate` makes, and for its index; without it the table is on demand. `lag` is for
    how long a pause may go unnoticed. `meter` counts the units that are consumed; `connections`
    and `timeout` (seconds) are of HTTP, `tls` replaces the default context.
    """

    name = "dynamodb"
    handles = (DynamoTransaction,)
    io: Io = EVENT_LOOP
    """How its operations wait."""

    def __init__(
        self,
        table: str,
        *,
        session: object | None = None,
        region: str | None = None,
        endpoint: str | None = None,
        shards: int = 1,
        spread: int = 16,
        provisioned: schema.Units | None = None,
        lag: timedelta = timedelta(seconds=5),
        retention: Retention | None = None,
        meter: bool = False,
        connections: int = 50,
        timeout: float = 10.0,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        account = Account(session, region, endpoint, self.io)
        self._caller = Caller(
            account, self.io, meter=meter, limit=connections, timeout=timeout, tls=tls
        )
        self._table = Table(table, Layout(shards, spread), self._caller)
        self._known = Store(self._table, retention or Retention(), lag)
        self._provisioned = schema.checked(provisioned)
        self._checked = False
        self.capabilities = capabilities(shards, lag)
        self.habits = habits(shards)

    @property
    def table(self) -> str:
        """The table's name."""
        return self._table.name

    @property
    def usage(self) -> Usage:
        """What was asked of DynamoDB since the driver was made."""
        return self._caller.usage

    # Transactions.

    @asynccontextmanager
    async def begin(self) -> AsyncGenerator[DynamoTransaction]:
        """A transaction for entries of your own and jobs: commits on a clean exit."""
        tx = DynamoTransaction()
        yield tx
        await self.commit(tx)

    async def commit(self, tx: DynamoTransaction) -> None:
        """Write all entries of a transaction, or none.

        Raises `ConditionFailed` or `EntryConflict`, which are a `TransactionConflict`: rerun what
        led to it. `TransactionTooLarge`, `Throttled`; `Unavailable`: nobody knows, and the same
        transaction may be committed again.
        """
        await stage.commit(await self._store(), tx)

    async def _store(self) -> Store:
        """Once the table was found to be as this driver knows it."""
        if not self._checked:
            schema.check(await self._table.get(META), self._table)
            self._checked = True
        return self._known

    # The contract; what the methods mean stands there.

    def new_id(
        self, kind: str, queue: str, *, at: datetime | None = None, seed: bytes | None = None
    ) -> UUID:
        """As in `Driver`, and so is what follows."""
        return uuid7() if seed is None else uuid7_of(at or utc_now(), seed)

    async def insert(
        self,
        jobs: Sequence[NewJob],
        *,
        tx: DynamoTransaction | None = None,
        now: datetime | None = None,
    ) -> builtins.list[Inserted]:
        """As in `Driver`."""
        store = await self._store()
        if tx is None:
            return await insert.insert(store, jobs, store.moment(now))
        return await stage.stage_jobs(store, _checked(tx), jobs, store.moment(now))

    async def join(
        self, worker: WorkerInfo, ttl: timedelta, *, now: datetime | None = None
    ) -> Session:
        """As in `Driver`."""
        store = await self._store()
        return await sessions.join(store, worker, ttl, store.moment(now))

    async def beat(
        self, session: UUID, tokens: Collection[UUID], *, now: datetime | None = None
    ) -> Beat:
        """As in `Driver`."""
        store = await self._store()
        return await sessions.beat(store, session, tokens, store.moment(now))

    async def leave(self, session: UUID, *, now: datetime | None = None) -> None:
        """As in `Driver`."""
        store = await self._store()
        await sessions.leave(store, session, store.moment(now))

    async def sessions(self, *, now: datetime | None = None) -> builtins.list[Session]:
        """As in `Driver`."""
        return await sessions.sessions(await self._store())

    async def claim(self, claim: Claim, *, now: datetime | None = None) -> Claims:
        """As in `Driver`."""
        store = await self._store()
        return await claims.claim(store, claim, store.moment(now))

    async def finish(
        self,
        outcomes: Sequence[Outcome],
        *,
        tx: DynamoTransaction | None = None,
        now: datetime | None = None,
    ) -> builtins.list[Finished]:
        """As in `Driver`."""
        store = await self._store()
        if tx is None:
            return await finish.finish(store, outcomes, store.moment(now))
        return await stage.stage_outcomes(store, _checked(tx), outcomes, store.moment(now))

    async def rescue(
        self, limit: int, *, observed: timedelta | None = None, now: datetime | None = None
    ) -> Progress:
        """As in `Driver`."""
        store = await self._store()
        return await upkeep.rescue(store, limit, observed, store.moment(now))

    async def prune(self, limit: int, *, now: datetime | None = None) -> Progress:
        """As in `Driver`."""
        store = await self._store()
        return await upkeep.prune(store, limit, store.moment(now))

    async def act(
        self, ids: Sequence[UUID], action: Action, *, now: datetime | None = None
    ) -> builtins.list[Acted]:
        """As in `Driver`."""
        store = await self._store()
        return await act.act(store, ids, action, store.moment(now))

    async def get(
        self, ids: Sequence[UUID], *, now: datetime | None = None
    ) -> builtins.list[JobRow | None]:
        """As in `Driver`."""
        store = await self._store()
        return await query.get(store, ids, store.moment(now))

    async def list(
        self,
        where: Filter,
        *,
        cursor: str | None = None,
        limit: int = 100,
        now: datetime | None = None,
    ) -> Page:
        """As in `Driver`."""
        store = await self._store()
        return await query.page(store, where, cursor, limit, store.moment(now))

    async def stats(
        self, queues: Sequence[str] = (), *, now: datetime | None = None
    ) -> builtins.list[Count]:
        """As in `Driver`."""
        store = await self._store()
        return await counts.stats(store, queues, store.moment(now))

    async def kinds(self, limit: int = 100) -> builtins.list[str]:
        """As in `Driver`."""
        return await counts.kinds(await self._store(), limit)

    async def queues(
        self, change: QueueChange | None = None, *, now: datetime | None = None
    ) -> builtins.list[Queue]:
        """As in `Driver`."""
        store = await self._store()
        return await query.queues(store, change, store.moment(now))

    async def compare_and_set(
        self,
        key: str,
        expected: bytes | None,
        value: bytes | None,
        *,
        ttl: timedelta | None = None,
        now: datetime | None = None,
    ) -> Cas:
        """As in `Driver`."""
        store = await self._store()
        return await cas.compare_and_set(store, key, expected, value, ttl, store.moment(now))

    def listen(self, queues: Collection[str]) -> AbstractAsyncContextManager[Wakeups]:
        """As in `Driver`: DynamoDB has no voice, and nothing is heard."""
        return nullcontext(Silence())

    async def migrate(self) -> builtins.list[Step]:
        """As in `Driver`."""
        return await schema.migrate(self._table, self._provisioned)

    async def close(self) -> None:
        """As in `Driver`."""
        await self._caller.close()

    async def __aenter__(self) -> Self:
        """Find endpoint and region; connections are made when they are needed."""
        await self._caller.open()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        """Close."""
        await self.close()


def _checked(tx: DynamoTransaction) -> DynamoTransaction:
    if not isinstance(tx, DynamoTransaction):  # pyright: ignore[reportUnnecessaryIsInstance] - untyped callers
        raise HandleMismatch(
            f"tx is a {type(tx).__name__}; use the DynamoTransaction of driver.begin()"
        )
    return tx
