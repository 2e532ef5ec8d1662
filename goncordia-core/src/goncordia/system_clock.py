"""The clock of production: the system's time, anyio's waits."""

from __future__ import annotations

import time
from contextlib import AbstractContextManager
from datetime import datetime

import anyio

from goncordia.clock import Event, Scope, utc_now


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
        if seconds is None:
            return anyio.CancelScope(shield=shield)
        return anyio.CancelScope(deadline=anyio.current_time() + seconds, shield=shield)
