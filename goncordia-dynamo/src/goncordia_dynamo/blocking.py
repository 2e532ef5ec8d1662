"""Waiting where there is no event loop: what blocks is done at once, and nothing ever suspends.

So a coroutine of an operation ends with its first step, and is a plain function.
"""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager
from time import monotonic
from types import TracebackType
from typing import TypeVar

from goncordia.errors import InvalidArgument

from goncordia_dynamo.http import Reader, Response
from goncordia_dynamo.stream import CHUNK, Stream, closed_on_error

R = TypeVar("R")
T = TypeVar("T")


def run(operation: Coroutine[object, None, R]) -> R:
    """Run an operation over `Blocking`."""
    try:
        operation.send(None)
    except StopIteration as stop:
        return stop.value
    operation.close()
    raise RuntimeError("an operation waits for an event loop, and there is none")


class Blocking:
    """An `Io` for threads, any number of them."""

    async def connect(
        self, host: str, port: int, tls: ssl.SSLContext | None, until: float
    ) -> Stream:
        """As in `Io`, and so is what follows."""
        connection = socket.create_connection((host, port), _left(until))
        with closed_on_error(connection):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if tls is not None:
                connection.settimeout(_left(until))
                connection = tls.wrap_socket(connection, server_hostname=host)
        return _Stream(connection)

    async def sleep(self, seconds: float) -> None:
        """As in `Io`."""
        time.sleep(seconds)

    async def in_thread(self, work: Callable[[], R]) -> R:
        """As in `Io`."""
        return work()

    async def foreign(self, ask: Callable[[], Awaitable[R]]) -> R:
        """As in `Io`."""
        raise InvalidArgument(
            "the session's credentials are to be awaited, and there is no event loop: give the "
            "driver a session of boto3 or botocore"
        )

    async def abreast(self, do: Callable[[T], Awaitable[R]], parts: Sequence[T]) -> list[R]:
        """As in `Io`: one after the other."""
        return [await do(part) for part in parts]

    def room(self, n: int) -> AbstractAsyncContextManager[object]:
        """As in `Io`."""
        return _Room(n)


BLOCKING = Blocking()


class _Stream:
    """Over a socket."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection

    async def exchange(self, data: bytes, until: float) -> Response:
        self._socket.settimeout(_left(until))
        self._socket.sendall(data)
        reader, response = Reader(), None
        while response is None:
            self._socket.settimeout(_left(until))
            response = reader.feed(self._socket.recv(CHUNK))
        return response

    async def close(self) -> None:
        self._socket.close()


class _Room:
    """A semaphore of threads."""

    def __init__(self, n: int) -> None:
        self._slots = threading.BoundedSemaphore(n)

    async def __aenter__(self) -> None:
        self._slots.acquire()

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self._slots.release()


def _left(until: float) -> float:
    """Seconds until that moment of `monotonic`; raises `TimeoutError` once it has passed."""
    left = until - monotonic()
    if left <= 0:
        raise TimeoutError
    return left
