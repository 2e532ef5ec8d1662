"""Each test runs with both clients: the one that blocks is awaited through a thin coat."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, cast
from uuid import UUID

import pytest
from goncordia import memory
from goncordia.args import Args
from goncordia.capabilities import Capabilities, Habits
from goncordia.client import Client
from goncordia.clock import Clock
from goncordia.driver import Driver, SyncDriver
from goncordia.errors import Unavailable
from goncordia.sync_client import SyncClient
from goncordia.system_clock import SystemClock


class Mail(Args, kind="mail"):
    to: str


class Report(Args, kind="report"):
    name: str = ""


class Flaky:
    """A driver whose calls fail as `faults` says: before they reach the store, or after."""

    def __init__(self, driver: memory.MemoryDriver | memory.SyncMemoryDriver, batch: int) -> None:
        self.driver = driver
        self.habits = Habits(batch=batch)
        self.faults: deque[str] = deque()
        self.calls: list[tuple[str, int]] = []
        """Method and size of each call that came."""

    def __getattr__(self, name: str) -> object:
        found = getattr(self.driver, name)
        if name in ("new_id", "begin") or not callable(found):
            return found
        if isinstance(self.driver, memory.SyncMemoryDriver):
            return self._sync(name, found)
        return self._async(name, cast("Callable[..., Awaitable[object]]", found))

    def _next(self, name: str, args: tuple[object, ...]) -> str:
        self.calls.append((name, len(args[0]) if args and isinstance(args[0], list) else 0))
        fault = self.faults.popleft() if self.faults else ""
        if fault == "before":
            raise Unavailable("lost before")
        return fault

    def _async(self, name: str, method: Callable[..., Awaitable[object]]) -> object:
        async def call(*args: object, **kwargs: object) -> object:
            fault = self._next(name, args)
            answer = await method(*args, **kwargs)
            if fault:
                raise Unavailable("lost after")
            return answer

        return call

    def _sync(self, name: str, method: Callable[..., object]) -> object:
        def call(*args: object, **kwargs: object) -> object:
            fault = self._next(name, args)
            answer = method(*args, **kwargs)
            if fault:
                raise Unavailable("lost after")
            return answer

        return call


class Coat:
    """A `SyncClient` whose methods are awaited."""

    def __init__(self, client: SyncClient[memory.Tx]) -> None:
        self._client = client

    def __getattr__(self, name: str) -> object:
        method = getattr(self._client, name)

        async def call(*args: object, **kwargs: object) -> object:
            return method(*args, **kwargs)

        return call

    async def all_jobs(self, **where: object) -> AsyncIterator[object]:
        for row in self._client.all_jobs(**where):  # pyright: ignore[reportArgumentType] as given
            yield row

    async def watch(self, *ids: UUID, **more: object) -> AsyncIterator[object]:
        for ended in self._client.watch(*ids, **more):  # pyright: ignore[reportArgumentType] as given
            yield ended


class Quick(SystemClock):
    """Real time, except that sleeping is only noted."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


class Rig:
    """A store, a driver that may fail, and a client of either kind over them."""

    def __init__(self, kind: str, capabilities: Capabilities = memory.STRONG) -> None:
        self.blocking = kind == "sync"
        self.clock = Quick()
        self.slept = self.clock.slept
        driver = memory.MemoryDriver(capabilities=capabilities)
        self.store = driver.store
        self.flaky = Flaky(driver.sync() if self.blocking else driver, batch=3)
        self.client = self.make()

    def make(
        self,
        *,
        require: Iterable[str] = (),
        clock: Clock | None = None,
        payload_limit: int = 1000,
    ) -> Client[memory.Tx]:
        """Another client over the same driver."""
        clock = clock or self.clock
        if self.blocking:
            driver = cast("SyncDriver[memory.Tx]", self.flaky)
            client = SyncClient(driver, require=require, clock=clock, payload_limit=payload_limit)
            return cast("Client[memory.Tx]", Coat(client))
        driver = cast("Driver[memory.Tx]", self.flaky)
        return Client(driver, require=require, clock=clock, payload_limit=payload_limit)

    @asynccontextmanager
    async def begin(self) -> AsyncGenerator[memory.Tx]:
        """A transaction of the driver's."""
        with self.store.begin() as tx:
            yield tx


@pytest.fixture(params=["async", "sync"])
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def rig(kind: str, monkeypatch: pytest.MonkeyPatch) -> Rig:
    rig = Rig(kind)
    monkeypatch.setattr(time, "sleep", rig.slept.append)
    return rig


@pytest.fixture
def client(rig: Rig) -> Client[memory.Tx]:
    return rig.client


@pytest.fixture
def weak(kind: str) -> Callable[..., Client[memory.Tx]]:
    """`weak(unique=False)`: a client over a store that promises less."""

    def weak(**less: Any) -> Client[memory.Tx]:
        return Rig(kind, replace(memory.STRONG, **less)).client

    return weak
