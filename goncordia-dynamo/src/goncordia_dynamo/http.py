"""HTTP/1.1 without I/O: a request as bytes, and a response out of whatever arrives.

DynamoDB tells the length of each answer and keeps the connection: such answers are read here by
hand, at an eighth of h11's price. Whatever else HTTP allows is h11's to read.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

import h11
from goncordia.errors import InvalidArgument

Headers = Sequence[tuple[str, str]]

HEAD = 65_536
"""The most bytes of a response's head."""
_END = re.compile(rb"\r?\n\r?\n")
_NAME = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_USUAL = re.compile(rb"HTTP/1\.1 ([2-5]\d\d)(?: [^\r\n\0]*)?((?:\r\n%b:[^\r\n\0]*)*)" % _NAME)
_FIELD = re.compile(rb"\r\n([^:]+):[ \t]*([^\r]*)")
_LENGTH = re.compile(rb"\d{1,12}")
_EMPTY = frozenset({204, 205, 304})
"""Statuses whose answers have no body, whatever they say."""


class Malformed(Exception):
    """What arrived is no answer, or the half of one."""


class Response(NamedTuple):
    """What came back."""

    status: int
    date: str
    """The server's clock, as an HTTP date; empty where it did not say."""
    body: bytes
    kept: bool = False
    """Whether the connection is fit for another request."""


def written(headers: Headers, body: bytes) -> bytes:
    """The request, which posts to `/`; raises `InvalidArgument` for what no header can hold."""
    lines = "".join([f"{name}: {value}\r\n" for name, value in headers])
    if not lines.isascii() or lines.count("\n") + lines.count("\r") != 2 * len(headers):
        raise InvalidArgument("endpoint or credentials hold characters that HTTP does not take")
    return f"POST / HTTP/1.1\r\n{lines}content-length: {len(body)}\r\n\r\n".encode() + body


class _Head(NamedTuple):
    status: int
    date: str
    size: int
    kept: bool


class Reader:
    """Reads one response."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._head: _Head | None = None
        self._begins = 0
        self._rare: _Rare | None = None

    def feed(self, data: bytes) -> Response | None:
        """Take what arrived, nothing at the stream's end; the response once it is whole.

        Raises `Malformed`.
        """
        if self._rare is not None:
            return self._rare.feed(data)
        if not data:
            raise Malformed("the connection was closed")
        self._data += data
        if self._head is None and not self._read_head():
            return None if self._rare is None else self._rare.feed(bytes(self._data))
        return self._whole()

    def _read_head(self) -> bool:
        """Whether it is there, and as expected."""
        end = _END.search(self._data)
        if end is None:
            if len(self._data) > HEAD:
                raise Malformed("its head has no end")
            return False
        usual = end[0] == b"\r\n\r\n"
        self._head = _head(bytes(self._data[: end.start()])) if usual else None
        self._begins = end.end()
        if self._head is None:
            self._rare = _Rare()
        return self._head is not None

    def _whole(self) -> Response | None:
        head, ends = self._head, self._begins
        if head is None:
            return None
        ends += head.size
        if len(self._data) < ends:
            return None
        kept = head.kept and len(self._data) == ends
        return Response(head.status, head.date, bytes(self._data[self._begins : ends]), kept)


def _head(lines: bytes) -> _Head | None:
    """None: nothing wrong perhaps, but nothing usual."""
    usual = _USUAL.fullmatch(lines)
    if usual is None:
        return None
    pairs = [(name.lower(), value.rstrip(b" \t")) for name, value in _FIELD.findall(usual[2])]
    fields = dict(pairs)
    size = _LENGTH.fullmatch(fields.get(b"content-length", b""))
    if size is None or b"transfer-encoding" in fields or len(fields) < len(pairs):
        return None
    status = int(usual[1])
    if status in _EMPTY:
        return None
    kept = fields.get(b"connection", b"keep-alive").lower() == b"keep-alive"
    return _Head(status, fields.get(b"date", b"").decode("latin-1"), int(size[0]), kept)


class _Rare:
    """A response as h11 reads it: in chunks, until the stream's end, after others of status 1xx."""

    def __init__(self) -> None:
        self._h11 = h11.Connection(h11.CLIENT)
        self._h11.send(h11.Request(method="POST", target="/", headers=[("host", "asked")]))
        self._h11.send(h11.EndOfMessage())
        self._status, self._date, self._chunks = 0, "", list[bytes]()

    def feed(self, data: bytes) -> Response | None:
        """As `Reader`."""
        try:
            self._h11.receive_data(data)
            return self._read()
        except h11.RemoteProtocolError as error:
            raise Malformed(str(error)) from error

    def _read(self) -> Response | None:
        while True:
            event = self._h11.next_event()
            if event is h11.NEED_DATA:
                return None
            if isinstance(event, h11.Response):
                self._status = event.status_code
                self._date = next((v.decode() for k, v in event.headers if k == b"date"), "")
            elif isinstance(event, h11.Data):
                self._chunks.append(bytes(event.data))
            elif isinstance(event, h11.EndOfMessage):
                kept = self._h11.their_state is h11.DONE and not self._h11.trailing_data[0]
                return Response(self._status, self._date, b"".join(self._chunks), kept)
