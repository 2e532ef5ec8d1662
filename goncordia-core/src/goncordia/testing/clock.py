"""A clock that stands still until a test moves it."""

from __future__ import annotations

import heapq
from collections.abc import Awaitable, Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from itertools import count

import anyio

from goncordia.clock import Event, Scope
from goncordia.errors import InvalidArgument
from goncordia.system_clock import all_blocked

START = datetime(2026, 1, 1, tzinfo=UTC)


class Timer:
    """Something that happens at a time, unless it is disarmed."""

    def __init__(self, fire: Callable[[], None]) -> None:
        """Armed."""
        self.armed = True
        self._fire = fire

    def fire(self) -> None:
        """Let it happen, once."""
        if self.armed:
            self.armed = False
            self._fire()


class MockClock:
    """Time for tests: `advance` alone moves it, and fires on the way what falls due.

    Drivers are told its time with each operation. Use it from one event loop.
    """

    def __init__(
        self, start: datetime = START, *, quiet: Callable[[], Awaitable[object]] = all_blocked
    ) -> None:
        """`start` is an aware datetime.

        `quiet` returns when all that was set off is done and the time may move on. The default
        waits until every task of the event loop waits, which says nothing of a store that works in
        threads or behind a socket: there, hand in `FaultyDriver.quiet`.
        """
        self._start = start
        self._quiet = quiet
        self._seconds = 0.0
        self._timers: list[tuple[float, int, Timer]] = []
        self._order = count()

    def now(self) -> datetime:
        """The mock time, UTC."""
        return self._start + timedelta(seconds=self._seconds)

    def told(self) -> datetime | None:
        """The mock time: stores follow it."""
        return self.now()

    def monotonic(self) -> float:
        """Seconds since the clock was made."""
        return self._seconds

    async def sleep(self, seconds: float) -> None:
        """Wait until the clock was advanced that far."""
        await self.wait(anyio.Event(), seconds)

    async def wait(self, event: Event, seconds: float | None) -> bool:
        """Wait for the event, at most that many mock seconds; whether it is set."""
        with self.scope(seconds):
            await event.wait()
        return event.is_set()

    def scope(
        self, seconds: float | None, *, shield: bool = False
    ) -> AbstractContextManager[Scope]:
        """A cancel scope that cancels itself after that many mock seconds."""
        return self._scope(seconds, shield)

    @contextmanager
    def _scope(self, seconds: float | None, shield: bool) -> Generator[Scope]:
        with anyio.CancelScope(shield=shield) as scope:
            timer = Timer(scope.cancel)
            if seconds is not None:
                at = self._seconds + max(seconds, 0.0)
                heapq.heappush(self._timers, (at, next(self._order), timer))
                if seconds <= 0:
                    timer.fire()
            try:
                yield scope
            finally:
                timer.armed = False

    async def advance(self, span: timedelta | float) -> None:
        """Move the time, stopping at each timer on the way until all is quiet again.

        `span` is a timedelta or seconds. Handlers that run in threads are not waited for: use the
        pool's `settled` as the barrier there.
        """
        seconds = span.total_seconds() if isinstance(span, timedelta) else span
        if seconds < 0:
            raise InvalidArgument(f"advance({span!r}): time only goes forward")
        end = self._seconds + seconds
        await self._quiet()
        while self._timers and self._timers[0][0] <= end:
            at, _, timer = heapq.heappop(self._timers)
            if timer.armed:
                self._seconds = max(self._seconds, at)
                timer.fire()
                await self._quiet()
        self._seconds = end
