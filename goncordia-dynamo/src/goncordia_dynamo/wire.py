"""HTTP/1.1 with connections that are kept alive: h11 over anyio's streams, on both event loops."""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from time import monotonic
from typing import NamedTuple
from urllib.parse import urlsplit

import anyio
import h11
from anyio.abc import ByteStream
from goncordia.errors import InvalidArgument, Unavailable

IDLE = 20.0
"""Seconds after which an idle connection is not trusted any more."""
CHUNK = 65_536


class Response(NamedTuple):
    """What came back."""

    status: int
    date: str
    """The server's clock, as an HTTP date; empty where it did not say."""
    body: bytes


class Connection:
    """One connection; any error or cancellation leaves it unfit for another request."""

    def __init__(self, stream: ByteStream) -> None:
        self.stream = stream
        self.idle_since = 0.0
        self._h11 = h11.Connection(h11.CLIENT)

    async def request(self, headers: Sequence[tuple[str, str]], body: bytes) -> Response:
        """Send, and read the whole answer."""
        line = h11.Request(method="POST", target="/", headers=list(headers))
        parts = (line, h11.Data(data=body), h11.EndOfMessage())
        await self.stream.send(b"".join(self._h11.send(part) or b"" for part in parts))
        status, date, chunks = 0, "", list[bytes]()
        while True:
            event = self._h11.next_event()
            if event is h11.NEED_DATA:
                self._h11.receive_data(await self.stream.receive(CHUNK))
            elif isinstance(event, h11.Response):
                status = event.status_code
                date = next((v.decode() for k, v in event.headers if k == b"date"), "")
            elif isinstance(event, h11.Data):
                chunks.append(bytes(event.data))
            elif isinstance(event, h11.EndOfMessage):
                return Response(status, date, b"".join(chunks))

    def reusable(self) -> bool:
        """Make ready for another request, if both sides keep the connection."""
        if self._h11.our_state is not h11.DONE or self._h11.their_state is not h11.DONE:
            return False
        self._h11.start_next_cycle()
        self.idle_since = monotonic()
        return True


class Wire:
    """Requests to one endpoint, over as many connections as are needed at once, up to a limit."""

    def __init__(
        self, endpoint: str, *, limit: int, timeout: float, tls: ssl.SSLContext | None
    ) -> None:
        """`timeout` is in seconds, for one request with its answer."""
        parts = urlsplit(endpoint)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise InvalidArgument(f"endpoint={endpoint!r}: use http(s)://host[:port]")
        self.host = parts.netloc.rpartition("@")[2]
        self._address = parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)
        self._tls = (tls or ssl.create_default_context()) if parts.scheme == "https" else None
        self._timeout = timeout
        self._slots = anyio.Semaphore(limit)
        self._idle: list[Connection] = []

    async def request(self, headers: Sequence[tuple[str, str]], body: bytes) -> Response:
        """Send a request; raises `Unavailable` if no whole answer came in time."""
        sized = [*headers, ("content-length", str(len(body)))]
        async with self._slots:
            try:
                with anyio.fail_after(self._timeout):
                    return await self._exchange(sized, body)
            except TimeoutError as error:
                raise Unavailable(f"{self.host} did not answer in {self._timeout} s") from error
            except (OSError, anyio.BrokenResourceError, anyio.EndOfStream) as error:
                raise Unavailable(f"{self.host} can't be reached: {error!r}") from error
            except h11.RemoteProtocolError as error:
                raise Unavailable(f"{self.host} broke off its answer: {error}") from error

    async def _exchange(self, headers: Sequence[tuple[str, str]], body: bytes) -> Response:
        connection = await self._trusted() or Connection(await self._connect())
        kept = False
        try:
            response = await connection.request(headers, body)
            if kept := connection.reusable():
                self._idle.append(connection)
            return response
        finally:
            if not kept:
                await anyio.aclose_forcefully(connection.stream)

    async def _trusted(self) -> Connection | None:
        """The connection that was used last, unless it was idle for too long."""
        while self._idle:
            connection = self._idle.pop()
            if monotonic() - connection.idle_since < IDLE:
                return connection
            await anyio.aclose_forcefully(connection.stream)
        return None

    async def _connect(self) -> ByteStream:
        host, port = self._address
        if self._tls is None:
            return await anyio.connect_tcp(host, port)
        return await anyio.connect_tcp(
            host, port, ssl_context=self._tls, tls_standard_compatible=False
        )

    async def close(self) -> None:
        """Close what is idle."""
        while self._idle:
            await anyio.aclose_forcefully(self._idle.pop().stream)
