"""Hearing hints: a socket in the folder, and a look for jobs whose transaction is still open.

A job written in a caller's own transaction is announced before the commit, which nobody can
announce: the listener then looks for that job, after a millisecond at first and after 3 % of the
time gone by later on, until it is there or the pool's own poll has taken over. So the commit of a
transaction that took up to 100 ms is heard of within 5 ms, at about 100 looks by primary key; one
that is rolled back costs 150 of them over five seconds. An idle listener asks nothing.
"""

from __future__ import annotations

import contextlib
import math
import os
import socket
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager
from uuid import UUID

import anyio
import msgspec
from anyio.lowlevel import checkpoint
from goncordia.errors import Unavailable
from goncordia.ids import uuid7
from goncordia.sessions import Wake, Wakeups

from goncordia_sql.sqlite.post import SUFFIX, Address, Hint, decode

Look = Callable[[Collection[bytes]], Awaitable[Collection[UUID]]]
"""Which of these jobs exist."""

FIRST_LOOK, GROWTH, LAST_LOOK = 0.001, 0.03, 5.0
"""Seconds; share of the time gone by; seconds."""
_MOST_OPEN = 64
_MOST_BYTES = 65536


class Silence:
    """A listener where there are no sockets: it hears nothing, and its pool polls."""

    async def wait(self) -> Wake:
        """Never return."""
        await anyio.sleep_forever()
        raise AssertionError


class Listener:
    """Hears the hints that concern its queues."""

    def __init__(self, heard: socket.socket, queues: Collection[str], look: Look) -> None:
        self._socket = heard
        self._queues = frozenset(queues)
        self._look = look
        self._open: dict[bytes, float] = {}
        """Jobs announced and not seen yet, and when that was."""

    async def wait(self) -> Wake:
        """Return at the next hint; those that came meanwhile are one."""
        while True:
            await checkpoint()
            wake = self._drain()
            if wake:
                return wake
            with anyio.move_on_after(self._gap()):
                await anyio.wait_readable(self._socket)
            if self._open and await self._has_arrived():
                self._open.clear()
                return Wake.JOBS

    async def _has_arrived(self) -> bool:
        try:
            return bool(await self._look(self._open))
        except Unavailable:
            return True  # woken by it, the pool meets the trouble itself

    def _drain(self) -> Wake:
        wake = Wake(0)
        while True:
            try:
                data = self._socket.recv(_MOST_BYTES)
            except BlockingIOError:
                return wake
            with contextlib.suppress(msgspec.MsgspecError):  # not from us
                wake |= self._heard(decode(data))

    def _heard(self, hint: Hint) -> Wake:
        wake = Wake.CANCELS if hint.cancels else Wake(0)
        if hint.queues is not None and self._queues.isdisjoint(hint.queues):
            return wake
        if hint.job is None:
            return wake | Wake.JOBS
        self._open[hint.job] = time.monotonic()
        if len(self._open) > _MOST_OPEN:
            del self._open[next(iter(self._open))]
        return wake

    def _gap(self) -> float:
        """Seconds until the next look at jobs of open transactions."""
        now = time.monotonic()
        for job, since in list(self._open.items()):
            if now - since > LAST_LOOK:
                del self._open[job]
        if not self._open:
            return math.inf
        return max(FIRST_LOOK, GROWTH * (now - max(self._open.values())))


@asynccontextmanager
async def listening(
    folder: str, queues: Collection[str], look: Look
) -> AsyncGenerator[Wakeups, None]:
    """A listener on a socket of its own, as long as the block lasts."""
    address = Address(folder)
    name = uuid7().hex + SUFFIX
    with contextlib.closing(address), contextlib.closing(_socket()) as heard:
        try:
            heard.bind(address.of(name))
        except OSError:  # the path is too long for this system, or the folder is gone
            yield Silence()
            return
        try:
            os.chmod(address.of(name), os.stat(folder).st_mode & 0o666)
            yield Listener(heard, queues, look)
        finally:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(address.of(name))


def _socket() -> socket.socket:
    heard = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    heard.setblocking(False)
    return heard
