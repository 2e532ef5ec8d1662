"""Answers as they arrive, in whatever pieces: read as h11 reads them."""

from __future__ import annotations

import h11
import pytest
from goncordia.errors import InvalidArgument
from goncordia_dynamo.http import Malformed, Reader, Response, written
from hypothesis import example, given
from hypothesis import strategies as st

bodies = st.binary(max_size=80)
cuts = st.lists(st.integers(0, 400), max_size=6)
DATE = b"Tue, 24 Nov 2026 18:00:00 GMT"


def usual(status: int, body: bytes, more: bytes = b"") -> bytes:
    return b"HTTP/1.1 %d OK\r\nDate: %b\r\nContent-Length: %d\r\n%b\r\n%b" % (
        *(status, DATE, len(body), more, body),
    )


def chunked(body: bytes) -> bytes:
    chunk = b"%x\r\n%b\r\n" % (len(body), body) if body else b""
    return b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + chunk + b"0\r\n\r\n"


def until_the_end(body: bytes) -> bytes:
    return b"HTTP/1.0 200 OK\r\n\r\n" + body


def read(data: bytes, at: list[int]) -> Response | None:
    """The answer that comes of these pieces, and of the stream's end."""
    reader, last = Reader(), 0
    for place in [*sorted(place for place in at if place < len(data)), len(data)]:
        if place > last and (whole := reader.feed(data[last:place])) is not None:
            return whole
        last = place
    return reader.feed(b"")


def h11s(data: bytes) -> tuple[int, bytes] | None:
    """None: it is no whole answer."""
    connection, status, body = h11.Connection(h11.CLIENT), 0, b""
    connection.send(h11.Request(method="POST", target="/", headers=[("host", "h")]))
    connection.send(h11.EndOfMessage())
    try:
        connection.receive_data(data)
        connection.receive_data(b"")
        while True:
            event = connection.next_event()
            if isinstance(event, h11.Response):
                status = event.status_code
            elif isinstance(event, h11.Data):
                body += bytes(event.data)
            elif isinstance(event, h11.EndOfMessage):
                return status, body
            elif event is h11.NEED_DATA or isinstance(event, h11.ConnectionClosed):
                return None
    except h11.RemoteProtocolError:
        return None


@given(bodies, cuts, st.sampled_from([200, 400, 500]), st.sampled_from([b"", b"x-a:  b \r\n"]))
def test_a_usual_answer_is_read_and_its_connection_kept(body, at, status, more) -> None:
    assert read(usual(status, body, more), at) == Response(status, DATE.decode(), body, kept=True)


@given(bodies, cuts, st.sampled_from([chunked, until_the_end]))
def test_rarer_ways_to_end_are_read(make_body, at, form) -> None:
    found = read(form(make_body), at)
    assert found is not None
    assert (found.status, found.body) == (200, make_body)
    assert found.kept is (form is chunked)


@given(bodies, cuts, st.data())
@example(b"", [], None)
def test_whatever_arrives_is_read_as_h11_reads_it(body, at, data) -> None:
    """An answer with some of its bytes gone, doubled or others."""
    text = bytearray(usual(200, body))
    if data is not None:
        for _ in range(data.draw(st.integers(1, 3))):
            place = data.draw(st.integers(0, len(text)))
            end = place + data.draw(st.integers(0, 3))
            other = st.sampled_from([b"", b"\n", b"\r\n", b" ", b":", b"\0", b"9", b"x: y\r\n"])
            text[place:end] = data.draw(other)
    try:
        found = read(bytes(text), at)
    except Malformed:
        found = None
    assert (found and (found.status, found.body)) == h11s(bytes(text))


@pytest.mark.parametrize(
    "data",
    [
        usual(200, b"{}", b"connection: close\r\n"),
        usual(200, b"{}") + b"unasked",
        usual(200, b"{}", b"Content-Length: 2\r\nconnection: Close\r\n"),
    ],
)
def test_a_connection_that_is_to_be_closed_is_not_kept(data) -> None:
    found = read(data, [])
    assert found is not None
    assert (found.body, found.kept) == (b"{}", False)


@pytest.mark.parametrize("data", [b"", usual(200, b"{}")[:-1], b"HTTP/1.1 200 OK\r\nx" * 9000])
def test_half_an_answer_is_none(data) -> None:
    with pytest.raises(Malformed):
        read(data, [])


@pytest.mark.parametrize("value", ["a\r\nx: y", "a\nb", "\N{SNOWMAN}"])
def test_no_header_smuggles_another(value) -> None:
    with pytest.raises(InvalidArgument):
        written([("x-amz-security-token", value)], b"{}")
