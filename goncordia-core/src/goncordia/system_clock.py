"""The clock of production: the system's time, and the waits of whichever event loop runs."""

from __future__ import annotations

import math
import sys
import time
from contextlib import AbstractContextManager
from datetime import datetime

import anyio
from anyio.lowlevel import checkpoint

from goncordia.clock import Event, Scope, utc_now

TURNS = 30
"""Turns of the event loop in which tasks that need not wait come to wait."""


async def all_blocked() -> None:
    """Return when every task but this one waits for something.

    anyio's own look at the tasks takes a tenth of a second on asyncio if it finds one that does not
    wait yet, so they are given some turns first.
    """
    for _ in range(TURNS):
        await checkpoint()
    await anyio.wait_all_tasks_blocked()


class SystemClock:
    """Real time on whichever event loop runs."""

    def now(self) -> datetime:
        """The system's wall clock."""
        return utc_now()

    def told(self) -> datetime | None:
        """Nothing: the store's clock rules, where it has one."""
        return None

    def monotonic(self) -> float:
        """Seconds that never step back."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait that many seconds."""
        await anyio.sleep(seconds)

    async def wait(self, event: Event, seconds: float | None) -> bool:
        """Wait for the event, at most that many seconds (None: for ever); whether it is set."""
        if seconds is None:
            await event.wait()
        else:
            with anyio.move_on_after(seconds):
                await event.wait()
        return event.is_set()

    def scope(
        self, seconds: float | None, *, shield: bool = False
    ) -> AbstractContextManager[Scope]:
        """A cancel scope that cancels itself after that many seconds (None: never)."""
        deadline = math.inf if seconds is None else anyio.current_time() + seconds
        return _scope(deadline, shield)


def _scope(deadline: float, shield: bool) -> AbstractContextManager[Scope]:
    """The event loop's own scope: a pool makes one a job, and `anyio.CancelScope` makes each twice.

    (Its `__new__` returns an instance of the backend's subclass, which Python initialises again.)
    """
    trio = sys.modules.get("trio")
    if trio is not None and trio.lowlevel.in_trio_run():
        import trio

        return trio.CancelScope(deadline=deadline, shield=shield)
    return _asyncio_scope()(deadline=deadline, shield=shield)


_asyncio_scopes: list[type[anyio.CancelScope]] = []


def _asyncio_scope() -> type[anyio.CancelScope]:
    if not _asyncio_scopes:
        _asyncio_scopes.append(type(anyio.CancelScope()))
    return _asyncio_scopes[0]
