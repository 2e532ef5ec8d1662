"""A flag between two tasks."""

from __future__ import annotations

import anyio
from anyio.lowlevel import checkpoint

from goncordia.clock import Clock


class Signal:
    """Set by anybody, waited for by one task; a set that nobody waited for is remembered."""

    __slots__ = ("_clock", "_event", "_set")

    def __init__(self, clock: Clock) -> None:
        """Unset."""
        self._clock = clock
        self._event: anyio.Event | None = None
        self._set = False

    def set(self) -> None:
        """Let the waiting task go on, or the next wait return at once."""
        if not self._set:
            self._set = True
            if self._event is not None:
                self._event.set()

    async def wait(self, seconds: float | None = None) -> bool:
        """Return when it is set, or after that many seconds; unset it; whether it was set."""
        if self._set:
            await checkpoint()
        else:
            self._event = anyio.Event()
            try:
                await self._clock.wait(self._event, seconds)
            finally:
                self._event = None
        was, self._set = self._set, False
        return was
