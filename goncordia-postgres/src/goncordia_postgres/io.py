"""The one module that knows the event loop: it drives psycopg's generators on asyncio and on trio.

A cancellation waits for the server's answer to what is on its way, so that the operation happens as
a whole and the connection stays usable; if that does not come within `PATIENCE`, the connection is
closed. (psycopg's own wait closes it in some of these cases, and knows no trio.)
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Generator
from contextlib import suppress
from typing import Generic, TypeVar

import anyio
from psycopg.abc import PQGen
from psycopg.pq.abc import PGconn
from psycopg.waiting import Ready, Wait

R = TypeVar("R")

PATIENCE = 5.0
"""Seconds that a cancelled operation is waited for."""

Readiness = Callable[[int, Wait], Awaitable[Ready]]


def native() -> Readiness:
    """How the running event loop waits for a socket."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return _on_anyio
    return _on_asyncio


async def wait(gen: PQGen[R], pgconn: PGconn, ready: Readiness) -> R:
    """Drive a generator to its end."""
    drive = _Drive(gen, pgconn.socket, ready)
    try:
        return await drive.run()
    except anyio.get_cancelled_exc_class():
        with anyio.move_on_after(PATIENCE, shield=True) as scope, suppress(Exception):
            await drive.run()  # what it raises is nobody's any more: the cancellation is
        if scope.cancelled_caught:
            pgconn.finish()
        raise


async def wait_idly(gen: PQGen[R], pgconn: PGconn, ready: Readiness) -> R:
    """Drive a generator that may be left at any time, such as one that waits for notifications."""
    return await _Drive(gen, pgconn.socket, ready).run()


async def edge(call: Callable[[], Awaitable[R]]) -> R:
    """Call a native asyncio library where a caller's scope may reach it.

    anyio cancels again at each await, which breaks the clean-up of libraries that are cancelled
    once; so the call has a task of its own, is cancelled once, and waited for.
    """
    task = asyncio.ensure_future(call())
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        task.cancel()
        with anyio.move_on_after(PATIENCE, shield=True):
            await asyncio.wait([task])
        raise


class _Drive(Generic[R]):
    """A generator, and what it waits for: after an interruption it goes on from there."""

    def __init__(self, gen: Generator[Wait, Ready, R], fd: int, ready: Readiness) -> None:
        self._gen = gen
        self._fd = fd
        self._ready = ready
        self._wanted: Wait | None = None

    async def run(self) -> R:
        gen, fd, ready = self._gen, self._fd, self._ready
        try:
            if self._wanted is None:
                self._wanted = next(gen)
            while True:
                self._wanted = gen.send(await ready(fd, self._wanted))
        except StopIteration as stop:
            return stop.value


async def _on_asyncio(fd: int, wanted: Wait) -> Ready:
    """A future and the loop's own watch on the socket: less than half of an event's price."""
    loop = asyncio.get_running_loop()
    found: asyncio.Future[Ready] = loop.create_future()
    if wanted & Wait.R:
        loop.add_reader(fd, _settle, found, Ready.R)
    if wanted & Wait.W:
        loop.add_writer(fd, _settle, found, Ready.W)
    try:
        return await found
    finally:
        if wanted & Wait.R:
            loop.remove_reader(fd)
        if wanted & Wait.W:
            loop.remove_writer(fd)


def _settle(found: asyncio.Future[Ready], what: Ready) -> None:
    if not found.done():
        found.set_result(what)


async def _on_anyio(fd: int, wanted: Wait) -> Ready:
    if wanted == Wait.R:
        await anyio.wait_readable(fd)
        return Ready.R
    if wanted == Wait.W:
        await anyio.wait_writable(fd)
        return Ready.W
    return await _either(fd)


async def _either(fd: int) -> Ready:
    found: list[Ready] = []

    async def watch(until: Callable[[int], Awaitable[None]], what: Ready) -> None:
        await until(fd)
        found.append(what)
        tasks.cancel_scope.cancel()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(watch, anyio.wait_readable, Ready.R)
        tasks.start_soon(watch, anyio.wait_writable, Ready.W)
    return found[0]
