"""How to wait: for answers, for others and for time to pass.

Operations are coroutines that await nothing but an `Io`. `EventLoop` is the one of asyncio and of
trio; that of `blocking` never suspends, so that the same operations are plain functions there.
"""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from time import monotonic
from typing import Protocol, TypeVar, cast

import anyio
from anyio import to_thread
from anyio.abc import ByteStream

from goncordia_dynamo.http import Reader, Response

ABREAST = 8
"""So many parts of one operation are on their way at once."""
CHUNK = 65_536

R = TypeVar("R")
T = TypeVar("T")


class Stream(Protocol):
    """A connection; one whose exchange failed or was cancelled is fit for nothing but `close`."""

    async def exchange(self, data: bytes, until: float) -> Response:
        """Send a request, and read its whole answer.

        Raises `TimeoutError` at that moment of `monotonic`, `OSError`, or `Malformed`.
        """
        ...

    async def close(self) -> None:
        """Break it off."""
        ...


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
        with anyio.fail_after(until - monotonic()):
            if tls is None:
                return _Stream(await anyio.connect_tcp(host, port))
            return _Stream(
                await anyio.connect_tcp(host, port, ssl_context=tls, tls_standard_compatible=False)
            )

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
                for _ in range(min(ABREAST, len(parts))):
                    tasks.start_soon(work)
        except ExceptionGroup as group:
            raise _first(group) from None
        return [results[place] for place in range(len(parts))]

    def room(self, n: int) -> AbstractAsyncContextManager[object]:
        """As in `Io`."""
        return anyio.Semaphore(n, fast_acquire=True)


EVENT_LOOP = EventLoop()


class _Stream:
    """Over anyio's."""

    def __init__(self, stream: ByteStream) -> None:
        self._stream = stream

    async def exchange(self, data: bytes, until: float) -> Response:
        reader, response = Reader(), None
        try:
            with anyio.fail_after(until - monotonic()):
                await self._stream.send(data)
                while response is None:
                    response = reader.feed(await self._receive())
        except (anyio.BrokenResourceError, anyio.ClosedResourceError) as error:
            raise ConnectionError(str(error)) from error
        return response

    async def _receive(self) -> bytes:
        try:
            return await self._stream.receive(CHUNK)
        except anyio.EndOfStream:
            return b""

    async def close(self) -> None:
        await anyio.aclose_forcefully(self._stream)


def _first(error: Exception) -> Exception:
    """The error that ended the others."""
    while isinstance(error, ExceptionGroup):
        group = cast("ExceptionGroup[Exception]", error)
        error = group.exceptions[0]
    return error
