"""Connections: what an exchange over one is, and how it goes on an event loop.

A socket that never blocks, and anyio's words for when it is ready: an exchange costs a third less
than over anyio's own streams, which go through the loop some times more.
"""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from functools import partial
from time import monotonic
from typing import Protocol, TypeVar

import anyio

from goncordia_dynamo.http import Reader, Response

CHUNK = 65_536
"""Bytes that are read at once."""

R = TypeVar("R")
Ready = Callable[[socket.socket], Awaitable[None]]


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


@contextmanager
def closed_on_error(connection: socket.socket) -> Generator[None]:
    """Leave no connection open that nobody gets, a cancelled one neither."""
    try:
        yield
    except BaseException:
        connection.close()
        raise


async def connect(host: str, port: int, tls: ssl.SSLContext | None, until: float) -> Stream:
    """On asyncio or trio; raises as `Stream.exchange`."""
    with anyio.fail_after(until - monotonic()):
        connection = await _connected(host, port, until)
        if tls is None:
            return _Stream(connection)
        return _Stream(await _secured(connection, tls, host))


async def _connected(host: str, port: int, until: float) -> socket.socket:
    """To the first of the host's addresses that answers; raises the last one's error."""
    found = await anyio.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    failed = OSError(f"{host} has no address")
    for left, (family, kind, proto, _, address) in zip(
        range(len(found), 0, -1), found, strict=True
    ):
        connection = socket.socket(family, kind, proto)
        try:
            with closed_on_error(connection), anyio.fail_after((until - monotonic()) / left):
                connection.setblocking(False)
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                await _connect(connection, address)
                return connection
        except OSError as error:  # TimeoutError is one
            failed = error
    raise failed


async def _connect(connection: socket.socket, address: tuple[str, int]) -> None:
    try:
        connection.connect(address)
    except BlockingIOError:
        await anyio.wait_writable(connection)
    if failed := connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
        raise OSError(failed, os.strerror(failed))


async def _secured(connection: socket.socket, tls: ssl.SSLContext, host: str) -> ssl.SSLSocket:
    """The connection with TLS on it; one that has none is closed."""
    with closed_on_error(connection):
        secured = tls.wrap_socket(connection, server_hostname=host, do_handshake_on_connect=False)
    with closed_on_error(secured):
        await _once_ready(secured, secured.do_handshake, anyio.wait_readable)
    return secured


async def _once_ready(connection: socket.socket, act: Callable[[], R], ready: Ready) -> R:
    """Act, as soon as that need not block; TLS may have to read before it writes, and so on."""
    while True:
        try:
            return act()
        except ssl.SSLWantReadError:
            await anyio.wait_readable(connection)
        except ssl.SSLWantWriteError:
            await anyio.wait_writable(connection)
        except BlockingIOError:
            await ready(connection)


class _Stream:
    """Over a socket that never blocks."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection

    async def exchange(self, data: bytes, until: float) -> Response:
        connection, reader, response = self._socket, Reader(), None
        receive = partial(connection.recv, CHUNK)
        with anyio.move_on_after(until - monotonic()):  # cheaper than `fail_after`
            while data:
                sent = await _once_ready(
                    connection, partial(connection.send, data), anyio.wait_writable
                )
                data = data[sent:]
            await anyio.wait_readable(connection)
            while response is None:
                response = reader.feed(await _once_ready(connection, receive, anyio.wait_readable))
            return response
        raise TimeoutError

    async def close(self) -> None:
        self._socket.close()
