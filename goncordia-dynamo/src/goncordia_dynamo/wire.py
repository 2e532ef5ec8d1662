"""Requests over connections that are kept alive."""

from __future__ import annotations

import ssl
from time import monotonic
from typing import NamedTuple
from urllib.parse import urlsplit

from goncordia.errors import InvalidArgument, Unavailable

from goncordia_dynamo.http import Headers, Malformed, Response, written
from goncordia_dynamo.io import Io
from goncordia_dynamo.stream import Stream

IDLE = 20.0
"""Seconds after which an idle connection is not trusted any more."""


class _Idle(NamedTuple):
    """A connection that was used before."""

    stream: Stream
    since: float


class Wire:
    """Requests to one endpoint, over as many connections as are needed at once, up to a limit."""

    def __init__(
        self, endpoint: str, io: Io, *, limit: int, timeout: float, tls: ssl.SSLContext | None
    ) -> None:
        """`timeout` is in seconds, for one request with its answer."""
        parts = urlsplit(endpoint)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise InvalidArgument(f"endpoint={endpoint!r}: use http(s)://host[:port]")
        self.host = parts.netloc.rpartition("@")[2]
        self._io = io
        self._address = parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)
        self._tls = (tls or ssl.create_default_context()) if parts.scheme == "https" else None
        self._timeout = timeout
        self._slots = io.room(limit)
        self._idle: list[_Idle] = []

    async def request(self, headers: Headers, body: bytes) -> Response:
        """Send a request; raises `Unavailable` if no whole answer came in time."""
        data = written(headers, body)
        async with self._slots:
            try:
                return await self._exchange(data, monotonic() + self._timeout)
            except TimeoutError as error:
                raise Unavailable(f"{self.host} did not answer in {self._timeout} s") from error
            except OSError as error:
                raise Unavailable(f"{self.host} can't be reached: {error!r}") from error
            except Malformed as error:
                raise Unavailable(f"{self.host} broke off its answer: {error}") from error

    async def _exchange(self, data: bytes, until: float) -> Response:
        stream = await self._trusted() or await self._io.connect(*self._address, self._tls, until)
        kept = False
        try:
            response = await stream.exchange(data, until)
            if kept := response.kept:
                self._idle.append(_Idle(stream, monotonic()))
            return response
        finally:
            if not kept:
                await stream.close()

    async def _trusted(self) -> Stream | None:
        """The connection that was used last, unless it was idle for too long."""
        while (idle := self._popped()) is not None:
            if monotonic() - idle.since < IDLE:
                return idle.stream
            await idle.stream.close()
        return None

    def _popped(self) -> _Idle | None:
        try:
            return self._idle.pop()
        except IndexError:  # asked thus, no other thread comes in between
            return None

    async def close(self) -> None:
        """Close what is idle."""
        while (idle := self._popped()) is not None:
            await idle.stream.close()
