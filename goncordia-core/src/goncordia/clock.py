"""Time: microseconds, UTC, aware. What waits does so through a `Clock`, real or mock."""

from __future__ import annotations

from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from typing import Protocol

from goncordia.errors import InvalidArgument

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def utc_now() -> datetime:
    """The system's wall clock, aware, in UTC."""
    return datetime.now(UTC)


def to_micros(at: datetime) -> int:
    """Microseconds since 1970-01-01 UTC, exact (no float in between)."""
    return (at - EPOCH) // _MICROSECOND


def from_micros(micros: int) -> datetime:
    """The aware UTC datetime of so many microseconds since 1970-01-01."""
    return EPOCH + micros * _MICROSECOND  # at half the price of timedelta(microseconds=...)


def as_utc(at: datetime, name: str) -> datetime:
    """The same instant in UTC.

    Raises `InvalidArgument` for a naive datetime: it names no instant. `name` is what the
    message calls it.
    """
    if at.tzinfo is UTC:
        return at
    if at.utcoffset() is None:
        raise InvalidArgument(
            f"{name}={at.isoformat()} has no time zone; use datetime.now(UTC) or "
            "at.replace(tzinfo=...)"
        )
    return at.astimezone(UTC)


When = datetime | timedelta
"""An instant, or a span from the store's now: the store adds it by its own clock."""


def due(when: When, now: datetime) -> datetime:
    """The instant that `when` means at `now`."""
    return now + when if isinstance(when, timedelta) else when


class Scope(Protocol):
    """The part of `anyio.CancelScope` that a clock hands out."""

    @property
    def cancel_called(self) -> bool:
        """Whether the scope was cancelled, by hand or by its deadline."""
        ...

    @property
    def cancelled_caught(self) -> bool:
        """Whether the block ended by the scope's cancellation."""
        ...

    def cancel(self) -> None:
        """Cancel what runs in the scope."""
        ...


class Event(Protocol):
    """The part of `anyio.Event` that a clock waits for."""

    def is_set(self) -> bool:
        """Whether it happened."""
        ...

    async def wait(self) -> object:
        """Return once it happened."""
        ...


class Clock(Protocol):
    """What time it is, and how to wait: every wait and deadline of the library goes through it."""

    def now(self) -> datetime:
        """The wall clock, aware, in UTC."""
        ...

    def told(self) -> datetime | None:
        """What operations get as `now=`: a mock clock's time; None leaves it to the store."""
        ...

    def monotonic(self) -> float:
        """Seconds that never step back; only differences mean something."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait that many seconds."""
        ...

    async def wait(self, event: Event, seconds: float | None) -> bool:
        """Wait for the event, at most that many seconds (None: for ever); whether it is set."""
        ...

    def scope(
        self, seconds: float | None, *, shield: bool = False
    ) -> AbstractContextManager[Scope]:
        """A cancel scope that cancels itself after that many seconds (None: never)."""
        ...
