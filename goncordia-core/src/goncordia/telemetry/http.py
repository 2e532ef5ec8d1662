"""A page served over HTTP, to whoever asks for it: one request a connection, and no thread."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import NamedTuple

import anyio
import h11
from anyio.abc import SocketAttribute, SocketStream

from goncordia.errors import InvalidArgument
from goncordia.telemetry.alongside import alongside

log = logging.getLogger("goncordia.telemetry")

PATIENCE = 10.0
"""Seconds that a client gets to ask, and to take its answer."""
CHUNK = 65_536
AT_ONCE = 16
"""Connections that are served at once; others wait."""


class Page(NamedTuple):
    """What is answered."""

    content_type: str
    body: bytes


Answer = Callable[[str], Awaitable[Page]]
"""The page, for an `Accept` header."""


@asynccontextmanager
async def served(path: str, answer: Answer, host: str, port: int) -> AsyncGenerator[int]:
    """Serve the page while the block runs; the port, which is a free one for 0.

    Raises `InvalidArgument` where the port can't be had.
    """
    try:
        listener = await anyio.create_tcp_listener(local_host=host, local_port=port)
    except OSError as error:
        raise InvalidArgument(
            f"nothing can be served on {host}:{port} ({error.strerror or error}): use another port"
        ) from error
    site = Site(path, answer)
    async with listener, alongside(partial(listener.serve, site.connected), "goncordia metrics"):
        yield listener.extra(SocketAttribute.local_port)  # noqa: S610 - of a socket


class Site:
    """One page, and what is said to who asks for anything else."""

    def __init__(self, path: str, answer: Answer) -> None:
        """At that path."""
        self._path = path
        self._answer = answer
        self._room = anyio.CapacityLimiter(AT_ONCE)

    async def connected(self, stream: SocketStream) -> None:
        """Serve one client; what goes wrong with it is its own affair."""
        async with stream, self._room:
            with anyio.move_on_after(PATIENCE):
                try:
                    await self._serve(stream, h11.Connection(h11.SERVER))
                except (anyio.BrokenResourceError, anyio.EndOfStream, h11.RemoteProtocolError):
                    log.debug("a client of the metrics went away, or speaks no HTTP")

    async def _serve(self, stream: SocketStream, connection: h11.Connection) -> None:
        request = await _asked(stream, connection)
        if request is None:
            return
        status, page = await self._reply(request)
        headers = {
            "Content-Type": page.content_type,
            "Content-Length": str(len(page.body)),
            "Connection": "close",
            **({"Allow": "GET, HEAD"} if status == _NOT_ALLOWED else {}),
        }
        said = [
            connection.send(h11.Response(status_code=status, headers=list(headers.items()))),
            b"" if request.method == b"HEAD" else connection.send(h11.Data(data=page.body)),
        ]
        await stream.send(b"".join(part for part in said if part))

    async def _reply(self, request: h11.Request) -> tuple[int, Page]:
        path = request.target.partition(b"?")[0].decode("ascii")
        if request.method not in (b"GET", b"HEAD"):
            return _NOT_ALLOWED, _text("only GET and HEAD are answered\n")
        if path != self._path:
            return _NOT_FOUND, _text(f"there is {self._path} only\n")
        accept = dict(request.headers).get(b"accept", b"").decode("latin-1")
        try:
            return _OK, await self._answer(accept)
        except Exception:  # the worker does not end for it
            log.exception("the page could not be made")
            return _FAILED, _text("it could not be made: the worker's log says why\n")


_OK, _NOT_FOUND, _NOT_ALLOWED, _FAILED = 200, 404, 405, 500


def _text(text: str) -> Page:
    return Page("text/plain; charset=utf-8", text.encode())


async def _asked(stream: SocketStream, connection: h11.Connection) -> h11.Request | None:
    """The request; None where the client went away."""
    while True:
        event = connection.next_event()
        if isinstance(event, h11.Request):
            return event
        if event is not h11.NEED_DATA:
            return None
        try:
            connection.receive_data(await stream.receive(CHUNK))
        except anyio.EndOfStream:
            connection.receive_data(b"")
