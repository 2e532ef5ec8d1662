"""Connections on both loops: to whom, until when, and what breaks them."""

from __future__ import annotations

import socket
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import ExitStack, asynccontextmanager
from time import monotonic

import anyio
import pytest
from anyio.abc import SocketStream
from goncordia_dynamo.http import Malformed
from goncordia_dynamo.stream import Stream, connect

pytestmark = pytest.mark.anyio
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"
SOON, LATE = 0.05, 60.0
KNOWN = anyio.getaddrinfo


@asynccontextmanager
async def serving(answer: Callable[[SocketStream], Awaitable[None]]) -> AsyncGenerator[int]:
    """The port of a server that does this with each connection."""
    async with (
        await anyio.create_tcp_listener(local_host="127.0.0.1") as listener,
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(listener.serve, answer)
        yield listener.extra(anyio.abc.SocketAttribute.local_port)
        tasks.cancel_scope.cancel()


async def obliging(client: SocketStream) -> None:
    async with client:
        await client.receive()
        for byte in ANSWER:
            await client.send(bytes([byte]))


async def silent(client: SocketStream) -> None:
    async with client:
        await anyio.sleep_forever()


async def leaving(client: SocketStream) -> None:
    async with client:
        await client.receive()
        await client.send(ANSWER[:-1])


def known_as(monkeypatch: pytest.MonkeyPatch, *hosts: str) -> None:
    """Let every name have these addresses."""

    async def found(host: str, port: int, **options) -> list[object]:
        del host
        return [each for name in hosts for each in await KNOWN(name, port, **options)]

    monkeypatch.setattr(anyio, "getaddrinfo", found)


@asynccontextmanager
async def connected(answer: Callable[[SocketStream], Awaitable[None]]) -> AsyncGenerator[Stream]:
    """With a server that does this."""
    async with serving(answer) as port:
        stream = await connect("127.0.0.1", port, None, monotonic() + LATE)
        yield stream
        await stream.close()


async def test_an_answer_comes_in_whatever_pieces() -> None:
    async with connected(obliging) as stream:
        response = await stream.exchange(b"ask", monotonic() + LATE)
    assert (response.status, response.body, response.kept) == (200, b"{}", True)


async def test_the_next_address_is_tried(monkeypatch) -> None:
    async with serving(obliging) as port:
        known_as(monkeypatch, "127.0.0.2", "127.0.0.1")
        stream = await connect("somewhere", port, None, monotonic() + LATE)
        assert (await stream.exchange(b"ask", monotonic() + LATE)).status == 200
        await stream.close()


async def test_an_address_that_stays_silent_has_its_share_of_the_time(monkeypatch) -> None:
    with ExitStack() as opened:
        full = opened.enter_context(socket.socket())
        full.bind(("127.0.0.2", 0))
        full.listen(0)
        port = full.getsockname()[1]
        opened.enter_context(socket.create_connection(full.getsockname()))
        # nobody accepts it: the next one waits for room
        listener = opened.enter_context(socket.socket())
        listener.bind(("127.0.0.1", port))
        listener.listen()
        known_as(monkeypatch, "127.0.0.2", "127.0.0.1")
        stream = await connect("somewhere", port, None, monotonic() + 10 * SOON)
        await stream.close()
        known_as(monkeypatch, "127.0.0.2")
        with pytest.raises(TimeoutError):
            await connect("somewhere", port, None, monotonic() + SOON)


async def test_where_nobody_is_tells_why() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        with pytest.raises(ConnectionRefusedError):
            await connect("127.0.0.1", unused.getsockname()[1], None, monotonic() + LATE)


@pytest.mark.parametrize("size", [3, 50_000_000], ids=["not answered", "not even read"])
async def test_no_answer_in_time(size) -> None:
    async with connected(silent) as stream:
        with pytest.raises(TimeoutError):
            await stream.exchange(bytes(size), monotonic() + SOON)


async def test_half_an_answer_is_none() -> None:
    async with connected(leaving) as stream:
        with pytest.raises(Malformed):
            await stream.exchange(b"ask", monotonic() + LATE)


async def test_who_waits_can_be_cancelled() -> None:
    async with connected(silent) as stream:
        with anyio.CancelScope() as scope:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(stream.exchange, b"ask", monotonic() + LATE)
                await anyio.wait_all_tasks_blocked()
                scope.cancel()
        assert scope.cancelled_caught
