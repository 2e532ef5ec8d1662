"""The event loops that a subject is measured on, each by the few words that the measures need."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from importlib import import_module
from typing import Any, Protocol, TypeVar

T = TypeVar("T")


class Event(Protocol):
    """asyncio's or trio's."""

    def set(self) -> object: ...
    def is_set(self) -> bool: ...
    async def wait(self) -> object: ...


class Asyncio:
    """The default, and uvloop in its place."""

    def event(self) -> Event:
        return asyncio.Event()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def wait(self, event: Event, seconds: float) -> bool:
        """Whether it was set in time."""
        try:
            await asyncio.wait_for(event.wait(), seconds)
        except TimeoutError:
            return False
        return True

    def run(self, main: Callable[[], Coroutine[Any, Any, T]]) -> T:
        return asyncio.run(main())


class Uvloop(Asyncio):
    """libuv's."""

    def run(self, main: Callable[[], Coroutine[Any, Any, T]]) -> T:
        with asyncio.Runner(loop_factory=import_module("uvloop").new_event_loop) as runner:
            return runner.run(main())


class Trio:
    """For those who run on it."""

    def event(self) -> Event:
        import trio

        return trio.Event()

    async def sleep(self, seconds: float) -> None:
        import trio

        await trio.sleep(seconds)

    async def wait(self, event: Event, seconds: float) -> bool:
        import trio

        with trio.move_on_after(seconds):
            await event.wait()
        return event.is_set()

    def run(self, main: Callable[[], Coroutine[Any, Any, T]]) -> T:
        import trio

        return trio.run(main)


Loop = Asyncio | Trio

LOOPS: dict[str, Loop] = {"asyncio": Asyncio(), "trio": Trio(), "uvloop": Uvloop()}
