"""The driver for code without an event loop: the same operations over connections that block."""

from __future__ import annotations

import builtins
import ssl
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from types import TracebackType
from typing import Self, TypedDict, Unpack
from uuid import UUID

from goncordia.actions import Acted, Action
from goncordia.answers import (
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
from goncordia.capabilities import Capabilities, Habits
from goncordia.jobs import JobRow, NewJob, Outcome
from goncordia.retention import Retention
from goncordia.sessions import Session

from goncordia_dynamo.blocking import BLOCKING, run
from goncordia_dynamo.call import Usage
from goncordia_dynamo.driver import DynamoDriver
from goncordia_dynamo.schema import Units
from goncordia_dynamo.tx import DynamoTransaction


class Options(TypedDict, total=False):
    """What a driver may be told, see `DynamoDriver`."""

    session: object | None
    region: str | None
    endpoint: str | None
    shards: int
    spread: int
    provisioned: Units | None
    lag: timedelta
    retention: Retention | None
    meter: bool
    connections: int
    timeout: float
    tls: ssl.SSLContext | None


class _Blocking(DynamoDriver):
    """Whose coroutines end without suspending."""

    io = BLOCKING


class SyncDynamoDriver:
    """A `SyncDriver[DynamoTransaction]`; the arguments are those of `DynamoDriver`.

    Threads may share it, each request of theirs has a connection of its own. The session may not
    be aiobotocore's, whose credentials are to be awaited.
    """

    name = DynamoDriver.name
    handles = DynamoDriver.handles

    def __init__(self, table: str, **options: Unpack[Options]) -> None:
        """Note where the table is; it is connected to when needed."""
        self._driver = _Blocking(table, **options)

    @property
    def capabilities(self) -> Capabilities:
        """As in `Driver`."""
        return self._driver.capabilities

    @property
    def habits(self) -> Habits:
        """As in `Driver`."""
        return self._driver.habits

    @property
    def table(self) -> str:
        """The table's name."""
        return self._driver.table

    @property
    def usage(self) -> Usage:
        """What was asked of DynamoDB since the driver was made."""
        return self._driver.usage

    @contextmanager
    def begin(self) -> Generator[DynamoTransaction]:
        """A transaction for entries of your own and jobs: commits on a clean exit."""
        tx = DynamoTransaction()
        yield tx
        self.commit(tx)

    def commit(self, tx: DynamoTransaction) -> None:
        """Write all entries of a transaction, or none; raises what `DynamoDriver.commit` does."""
        run(self._driver.commit(tx))

    def new_id(
        self, kind: str, queue: str, *, at: datetime | None = None, seed: bytes | None = None
    ) -> UUID:
        """As in `Driver`, and so is what follows."""
        return self._driver.new_id(kind, queue, at=at, seed=seed)

    def insert(
        self,
        jobs: Sequence[NewJob],
        *,
        tx: DynamoTransaction | None = None,
        now: datetime | None = None,
    ) -> builtins.list[Inserted]:
        """As in `Driver`."""
        return run(self._driver.insert(jobs, tx=tx, now=now))

    def finish(
        self,
        outcomes: Sequence[Outcome],
        *,
        tx: DynamoTransaction | None = None,
        now: datetime | None = None,
    ) -> builtins.list[Finished]:
        """As in `Driver`."""
        return run(self._driver.finish(outcomes, tx=tx, now=now))

    def act(
        self, ids: Sequence[UUID], action: Action, *, now: datetime | None = None
    ) -> builtins.list[Acted]:
        """As in `Driver`."""
        return run(self._driver.act(ids, action, now=now))

    def get(
        self, ids: Sequence[UUID], *, now: datetime | None = None
    ) -> builtins.list[JobRow | None]:
        """As in `Driver`."""
        return run(self._driver.get(ids, now=now))

    def list(
        self,
        where: Filter,
        *,
        cursor: str | None = None,
        limit: int = 100,
        now: datetime | None = None,
    ) -> Page:
        """As in `Driver`."""
        return run(self._driver.list(where, cursor=cursor, limit=limit, now=now))

    def stats(
        self, queues: Sequence[str] = (), *, now: datetime | None = None
    ) -> builtins.list[Count]:
        """As in `Driver`."""
        return run(self._driver.stats(queues, now=now))

    def sessions(self, *, now: datetime | None = None) -> builtins.list[Session]:
        """As in `Driver`."""
        return run(self._driver.sessions(now=now))

    def queues(
        self, change: QueueChange | None = None, *, now: datetime | None = None
    ) -> builtins.list[Queue]:
        """As in `Driver`."""
        return run(self._driver.queues(change, now=now))

    def prune(self, limit: int, *, now: datetime | None = None) -> Progress:
        """As in `Driver`."""
        return run(self._driver.prune(limit, now=now))

    def migrate(self) -> builtins.list[Step]:
        """As in `Driver`."""
        return run(self._driver.migrate())

    def close(self) -> None:
        """As in `Driver`."""
        run(self._driver.close())

    def __enter__(self) -> Self:
        """Find endpoint and region; connections are made when they are needed."""
        run(self._driver.__aenter__())
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        """Close."""
        self.close()
