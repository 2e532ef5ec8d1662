"""How to wait: for answers, for others and for time to pass.

Operations are coroutines that await nothing but an `Io`. `EventLoop` is the one of asyncio and of
trio; that of `blocking` never suspends, so that the same operations are plain functions there.
"""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol, TypeVar, cast

import anyio
from anyio import to_thread

from goncordia_dynamo.stream import Stream, connect

ABREAST = 8
"""So many parts of one operation are on their way at once."""

R = TypeVar("R")
T = TypeVar("T")


class Io(Protocol):
    """What operations may await."""

    async def connect(
        self, host: str, port: int, tls: ssl.SSLContext | None, until: float
    ) -> Stream:
        """Connect; raises as `exchange`."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Let time pass."""
        ...

    async def in_thread(self, work: Callable[[], R]) -> R:
        """Do what may block."""
        ...

    async def foreign(self, ask: Callable[[], Awaitable[R]]) -> R:
        """Await somebody else's; raises `InvalidArgument` where there is no event loop."""
        ...

    async def abreast(self, do: Callable[[T], Awaitable[R]], parts: Sequence[T]) -> list[R]:
        """Do it with each part, several at a time if that can be; the first error ends it."""
        ...

    def room(self, n: int) -> AbstractAsyncContextManager[object]:
        """What at most `n` may be in at once, again and again."""
        ...


class EventLoop:
    """Of asyncio or trio."""

    async def connect(
        self, host: str, port: int, tls: ssl.SSLContext | None, until: float
    ) -> Stream:
        """As in `Io`, and so is what follows."""
        return await connect(host, port, tls, until)

    async def sleep(self, seconds: float) -> None:
        """As in `Io`."""
        await anyio.sleep(seconds)

    async def in_thread(self, work: Callable[[], R]) -> R:
        """As in `Io`."""
        return await to_thread.run_sync(work)

    async def foreign(self, ask: Callable[[], Awaitable[R]]) -> R:
        """As in `Io`."""
        return await ask()

    async def abreast(self, do: Callable[[T], Awaitable[R]], parts: Sequence[T]) -> list[R]:
        """As in `Io`."""
        if len(parts) == 1:
            return [await do(parts[0])]
        results: dict[int, R] = {}
        rest = iter(enumerate(parts))

        async def work() -> None:
            for place, part in rest:
                results[place] = await do(part)

        try:
            async with anyio.create_task_group() as tasks:
                for _ in range(min(ABREAST, len(parts)) - 1):
                    tasks.start_soon(work)
                await work()
        except ExceptionGroup as group:
            raise _first(group) from None
        return [results[place] for place in range(len(parts))]

    def room(self, n: int) -> AbstractAsyncContextManager[object]:
        """As in `Io`."""
        return anyio.Semaphore(n, fast_acquire=True)


EVENT_LOOP = EventLoop()


def _first(error: Exception) -> Exception:
    """The error that ended the others."""
    while isinstance(error, ExceptionGroup):
        group = cast("ExceptionGroup[Exception]", error)
        error = group.exceptions[0]
    return error
