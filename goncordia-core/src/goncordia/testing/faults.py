"""A driver that fails as a test tells it to: at which call of which operation, and how."""

from __future__ import annotations

import builtins
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from functools import partial
from types import TracebackType
from typing import Generic, Self, TypeVar, cast
from uuid import UUID

import anyio

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
from goncordia.capabilities import Capabilities, Habits
from goncordia.clock import Clock, Event
from goncordia.driver import Driver
from goncordia.errors import Unavailable
from goncordia.jobs import JobRow, NewJob, Outcome
from goncordia.sessions import Beat, Claim, Claims, Session, Wake, Wakeups, WorkerInfo
from goncordia.system_clock import all_blocked

Tx_contra = TypeVar("Tx_contra", contravariant=True)
R = TypeVar("R")

Send = Callable[[], Awaitable[object]]
"""Sends the call to the store and returns its answer."""

Fault = Callable[[Send], Awaitable[object]]
"""What becomes of one call."""


def refused(error: Exception | None = None) -> Fault:
    """The call never reaches the store; `Unavailable` unless another error is given."""

    async def fault(send: Send) -> object:
        raise error or Unavailable("a fault was asked for: the call did not reach the store")

    return fault


def lost(error: Exception | None = None) -> Fault:
    """The store does as it was asked, and its reply is lost."""

    async def fault(send: Send) -> object:
        await send()
        raise error or Unavailable("a fault was asked for: the reply was lost")

    return fault


def held(until: Event) -> Fault:
    """The call reaches the store only after that event."""

    async def fault(send: Send) -> object:
        await until.wait()
        return await send()

    return fault


def reply_held(until: Event) -> Fault:
    """The store does as it was asked, and its reply comes only after that event."""

    async def fault(send: Send) -> object:
        answer = await send()
        await until.wait()
        return answer

    return fault


class FaultyDriver(Generic[Tx_contra]):
    """A `Driver` round another one.

    `calls` counts the calls of each operation by its name, from 1; faults are told by that number,
    so that a test can go through all calls of an operation. Two operations are named otherwise than
    a method: `listen` begins to listen, and `wake` waits for a hint.
    """

    def __init__(self, driver: Driver[Tx_contra]) -> None:
        """Without a fault, as that driver."""
        self.calls: Counter[str] = Counter()
        self._driver = driver
        self._at: dict[tuple[str, int], Fault] = {}
        self._always: dict[str, Fault] = {}
        self._under_way = 0
        self._at_rest = anyio.Event()

    # What fails.

    def at(self, operation: str, number: int, fault: Fault) -> None:
        """Let that call of the operation meet the fault."""
        self._at[operation, number] = fault

    def next(self, operation: str, fault: Fault) -> None:
        """Let the next call of the operation meet the fault."""
        self.at(operation, self.calls[operation] + 1, fault)

    def always(self, fault: Fault, *operations: str) -> None:
        """Let all calls of these operations meet the fault, unless one is told otherwise."""
        self._always.update(dict.fromkeys(operations, fault))

    def heal(self, *operations: str) -> None:
        """Let these operations work again; all of them, if none is named."""
        for operation in operations or tuple(self._always):
            self._always.pop(operation, None)

    def down(self, clock: Clock, span: timedelta | float, *operations: str) -> None:
        """Let these operations be `Unavailable` for a span of the clock, from now."""
        seconds = span.total_seconds() if isinstance(span, timedelta) else span
        until = clock.monotonic() + seconds

        async def fault(send: Send) -> object:
            if clock.monotonic() < until:
                raise Unavailable("a fault was asked for: the store is down")
            return await send()

        self.always(fault, *operations)

    async def quiet(self) -> None:
        """Return when no call is on its way and every task waits.

        A barrier for drivers that work in threads, where an event loop that has nothing to do says
        nothing. Calls that a fault holds back are not waited for.
        """
        while True:
            await all_blocked()
            if not self._under_way:
                return
            if self._at_rest.is_set():
                self._at_rest = anyio.Event()
            await self._at_rest.wait()

    async def _call(self, operation: str, send: Callable[[], Awaitable[R]]) -> R:
        self.calls[operation] += 1
        fault = self._at.get((operation, self.calls[operation])) or self._always.get(operation)
        counted = partial(self._send, send)
        return await counted() if fault is None else cast("R", await fault(counted))

    async def _send(self, send: Callable[[], Awaitable[R]]) -> R:
        self._under_way += 1
        try:
            return await send()
        finally:
            self._under_way -= 1
            if not self._under_way:
                self._at_rest.set()

    # The driver.

    @property
    def name(self) -> str:
        """As the driver's."""
        return self._driver.name

    @property
    def capabilities(self) -> Capabilities:
        """As the driver's."""
        return self._driver.capabilities

    @property
    def habits(self) -> Habits:
        """As the driver's."""
        return self._driver.habits

    @property
    def handles(self) -> tuple[type, ...]:
        """As the driver's."""
        return self._driver.handles

    def new_id(
        self, kind: str, queue: str, *, at: datetime | None = None, seed: bytes | None = None
    ) -> UUID:
        """As in `Driver`; never fails."""
        return self._driver.new_id(kind, queue, at=at, seed=seed)

    async def insert(
        self,
        jobs: Sequence[NewJob],
        *,
        tx: Tx_contra | None = None,
        now: datetime | None = None,
    ) -> builtins.list[Inserted]:
        """As in `Driver`."""
        return await self._call("insert", partial(self._driver.insert, jobs, tx=tx, now=now))

    async def join(
        self, worker: WorkerInfo, ttl: timedelta, *, now: datetime | None = None
    ) -> Session:
        """As in `Driver`."""
        return await self._call("join", partial(self._driver.join, worker, ttl, now=now))

    async def beat(
        self, session: UUID, tokens: Collection[UUID], *, now: datetime | None = None
    ) -> Beat:
        """As in `Driver`."""
        return await self._call("beat", partial(self._driver.beat, session, tokens, now=now))

    async def leave(self, session: UUID, *, now: datetime | None = None) -> None:
        """As in `Driver`."""
        return await self._call("leave", partial(self._driver.leave, session, now=now))

    async def sessions(self, *, now: datetime | None = None) -> builtins.list[Session]:
        """As in `Driver`."""
        return await self._call("sessions", partial(self._driver.sessions, now=now))

    async def claim(self, claim: Claim, *, now: datetime | None = None) -> Claims:
        """As in `Driver`."""
        return await self._call("claim", partial(self._driver.claim, claim, now=now))

    async def finish(
        self,
        outcomes: Sequence[Outcome],
        *,
        tx: Tx_contra | None = None,
        now: datetime | None = None,
    ) -> builtins.list[Finished]:
        """As in `Driver`."""
        return await self._call("finish", partial(self._driver.finish, outcomes, tx=tx, now=now))

    async def rescue(
        self, limit: int, *, observed: timedelta | None = None, now: datetime | None = None
    ) -> Progress:
        """As in `Driver`."""
        send = partial(self._driver.rescue, limit, observed=observed, now=now)
        return await self._call("rescue", send)

    async def prune(self, limit: int, *, now: datetime | None = None) -> Progress:
        """As in `Driver`."""
        return await self._call("prune", partial(self._driver.prune, limit, now=now))

    async def act(
        self, ids: Sequence[UUID], action: Action, *, now: datetime | None = None
    ) -> builtins.list[Acted]:
        """As in `Driver`."""
        return await self._call("act", partial(self._driver.act, ids, action, now=now))

    async def get(
        self, ids: Sequence[UUID], *, now: datetime | None = None
    ) -> builtins.list[JobRow | None]:
        """As in `Driver`."""
        return await self._call("get", partial(self._driver.get, ids, now=now))

    async def list(
        self,
        where: Filter,
        *,
        cursor: str | None = None,
        limit: int = 100,
        now: datetime | None = None,
    ) -> Page:
        """As in `Driver`."""
        send = partial(self._driver.list, where, cursor=cursor, limit=limit, now=now)
        return await self._call("list", send)

    async def stats(
        self, queues: Sequence[str] = (), *, now: datetime | None = None
    ) -> builtins.list[Count]:
        """As in `Driver`."""
        return await self._call("stats", partial(self._driver.stats, queues, now=now))

    async def kinds(self, limit: int = 100) -> builtins.list[str]:
        """As in `Driver`."""
        return await self._call("kinds", partial(self._driver.kinds, limit))

    async def queues(
        self, change: QueueChange | None = None, *, now: datetime | None = None
    ) -> builtins.list[Queue]:
        """As in `Driver`."""
        return await self._call("queues", partial(self._driver.queues, change, now=now))

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
        send = partial(self._driver.compare_and_set, key, expected, value, ttl=ttl, now=now)
        return await self._call("compare_and_set", send)

    @asynccontextmanager
    async def listen(self, queues: Collection[str]) -> AsyncGenerator[Wakeups]:
        """As in `Driver`."""
        await self._call("listen", anyio.lowlevel.checkpoint)
        async with self._driver.listen(queues) as wakeups:
            yield FaultyWakeups(self._wake, wakeups)

    async def _wake(self, wakeups: Wakeups) -> Wake:
        """Waiting for a hint is no call on its way."""
        self.calls["wake"] += 1
        fault = self._at.get(("wake", self.calls["wake"])) or self._always.get("wake")
        return cast("Wake", await (wakeups.wait() if fault is None else fault(wakeups.wait)))

    async def migrate(self) -> builtins.list[Step]:
        """As in `Driver`."""
        return await self._call("migrate", self._driver.migrate)

    async def close(self) -> None:
        """As in `Driver`; never fails."""
        await self._driver.close()

    async def __aenter__(self) -> Self:
        """Open the driver."""
        await self._driver.__aenter__()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        """Close it."""
        await self._driver.__aexit__(exc_type, exc, tb)


class FaultyWakeups:
    """The wake-ups of a `FaultyDriver`."""

    def __init__(self, wake: Callable[[Wakeups], Awaitable[Wake]], wakeups: Wakeups) -> None:
        """Those of the driver below."""
        self._wake = wake
        self._wakeups = wakeups

    async def wait(self) -> Wake:
        """As in `Wakeups`."""
        return await self._wake(self._wakeups)
