"""Wake-ups: who listens to which queue, and how a listener is reached from any thread."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Collection
from contextlib import AbstractContextManager

import anyio
from anyio.lowlevel import current_token

from goncordia.sessions import Wake


def loop_caller() -> Callable[[Callable[[], None]], object]:
    """A function that runs another one soon on this event loop, and may be called anywhere."""
    token = current_token().native_token
    if isinstance(token, asyncio.AbstractEventLoop):
        return token.call_soon_threadsafe
    from trio.lowlevel import current_trio_token  # here, since trio need not be installed

    return current_trio_token().run_sync_soon


class Listener:
    """A task that waits for hints; those that come before it looks are one."""

    def __init__(self, lock: AbstractContextManager[bool]) -> None:
        self._lock = lock
        self._event = anyio.Event()
        self._soon = loop_caller()
        self._thread = threading.get_ident()
        self._jobs = self._cancels = False

    def hint(self, *, jobs: bool = False, cancels: bool = False) -> None:
        """Wake it. The caller holds the lock."""
        fresh = not (self._jobs or self._cancels)
        self._jobs |= jobs
        self._cancels |= cancels
        if not fresh:
            return
        if threading.get_ident() == self._thread:
            self._ring()
            return
        try:
            self._soon(self._ring)
        except RuntimeError:
            return  # its loop has ended; nobody waits there any more

    async def wait(self) -> Wake:
        """Return at the next hint."""
        while True:
            await self._event.wait()
            self._event = anyio.Event()
            with self._lock:
                jobs, cancels = self._jobs, self._cancels
                self._jobs = self._cancels = False
            if jobs or cancels:
                return (Wake.JOBS if jobs else Wake(0)) | (Wake.CANCELS if cancels else Wake(0))

    def _ring(self) -> None:
        self._event.set()


class Listeners:
    """The listeners of all queues. Whoever calls holds the store's lock."""

    def __init__(self) -> None:
        self._of: dict[str, set[Listener]] = {}

    def __bool__(self) -> bool:
        """Whether anybody listens."""
        return bool(self._of)

    def add(self, listener: Listener, queues: Collection[str]) -> None:
        """Tell it of these queues from now on."""
        for queue in queues:
            self._of.setdefault(queue, set()).add(listener)

    def remove(self, listener: Listener, queues: Collection[str]) -> None:
        """Tell it no more."""
        for queue in queues:
            self._of[queue].discard(listener)
            if not self._of[queue]:
                del self._of[queue]

    def jobs(self, queue: str) -> None:
        """Jobs of the queue are due."""
        for listener in self._of.get(queue, ()):
            listener.hint(jobs=True)

    def cancels(self, queue: str) -> None:
        """Running jobs of the queue are asked to stop."""
        for listener in self._of.get(queue, ()):
            listener.hint(cancels=True)


class Silence:
    """What a store without a voice gives its listeners: nothing, for ever."""

    async def wait(self) -> Wake:
        """Never return."""
        while True:
            await anyio.sleep_forever()
