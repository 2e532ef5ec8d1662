"""Threads and the event loop: the only file that knows either.

A lane is a thread with a connection of its own. What gathers while it works is its next group, and
the answers of a group come back to their loop in one hop.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

import anyio
from anyio.lowlevel import checkpoint, current_token
from goncordia.errors import StoreUnusable

from goncordia_sql.sqlite.link import Link, Work

R = TypeVar("R")

MOST = 64
"""Requests of a group."""
HEAVIEST = 2000
"""Jobs that they are about, before one more is left for the next: the lock is kept for so long."""
LEAVE = 10.0
"""Seconds that closing waits for a thread."""


class Request(Generic[R]):
    """A piece of work on its way, and the loop that waits for it."""

    __slots__ = ("dropped", "event", "loop", "soon", "work")

    def __init__(self, work: Work[R]) -> None:
        self.work = work
        self.event = anyio.Event()
        self.loop, self.soon = loop_caller()
        self.dropped = False
        """Nobody waits for it any more; it is not begun."""


class Lane:
    """A thread that serves requests in groups; `serve` runs one on its link."""

    def __init__(
        self, link: Link, name: str, serve: Callable[[Sequence[Work[object]]], None]
    ) -> None:
        self._link = link
        self._serve = serve
        self._waiting: deque[Request[object]] = deque()
        self._changed = threading.Condition()
        self._closed = True
        self._thread: threading.Thread | None = None
        self._name = name

    async def open(self) -> None:
        """Connect and start the thread."""
        await anyio.to_thread.run_sync(self._link.open)
        self._closed = False
        self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
        self._thread.start()

    async def close(self) -> None:
        """End the thread after what it has begun and what waits; bounded."""
        thread = self._thread
        if thread is None:
            self._link.close()
            return
        self._link.closing = True
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread = None
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(thread.join, LEAVE)

    async def call(self, work: Work[R]) -> R:
        """Run it in the next group; cancelled: it is dropped, or ends unheard."""
        request = Request(work)
        with self._changed:
            if self._closed:
                raise StoreUnusable("the driver is not open: use `async with`")
            self._waiting.append(request)  # pyright: ignore[reportArgumentType] - answered as R
        try:
            await checkpoint()  # what else is asked in this turn of the loop joins the group
            with self._changed:
                self._changed.notify()
            await request.event.wait()
        finally:
            request.dropped = True
        return work.answer()

    def _run(self) -> None:
        while group := self._next():
            try:
                self._serve([request.work for request in group])
            except Exception as error:
                for request in group:
                    request.work.error = request.work.error or error
            _deliver(group)
        self._link.close()

    def _next(self) -> list[Request[object]]:
        """The next group; none when closed."""
        with self._changed:
            while True:
                group: list[Request[object]] = []
                weight = 0
                while self._waiting and len(group) < MOST and weight < HEAVIEST:
                    request = self._waiting.popleft()
                    if not request.dropped:
                        group.append(request)
                        weight += request.work.weight
                if group or self._closed:
                    return group
                self._changed.wait()


def _deliver(group: Sequence[Request[object]]) -> None:
    """Wake those who wait, in one hop for each loop."""
    loops: dict[object, list[Request[object]]] = {}
    for request in group:
        loops.setdefault(request.loop, []).append(request)
    for requests in loops.values():
        try:
            requests[0].soon(lambda requests=requests: _ring(requests))
        except RuntimeError:
            continue  # that loop has ended; nobody waits there any more


def _ring(requests: Sequence[Request[object]]) -> None:
    for request in requests:
        request.event.set()


def loop_caller() -> tuple[object, Callable[[Callable[[], None]], object]]:
    """The running event loop, and a function that runs another one soon on it, from any thread."""
    token = current_token().native_token
    if isinstance(token, asyncio.AbstractEventLoop):
        return token, token.call_soon_threadsafe
    from trio.lowlevel import current_trio_token

    return token, current_trio_token().run_sync_soon
