"""The instant of one operation, and what is reckoned from it once for all its jobs."""

from __future__ import annotations

from datetime import datetime

from goncordia.clock import as_utc, to_micros, utc_now
from goncordia.lifecycle import State
from goncordia.retention import Retention


class Moment:
    """Now, as a datetime and in microseconds."""

    __slots__ = ("_expiry", "_retention", "at", "micros")

    def __init__(self, now: datetime | None, retention: Retention) -> None:
        self.at = utc_now() if now is None else as_utc(now, "now")
        self.micros = to_micros(self.at)
        self._retention = retention
        self._expiry: dict[State, datetime] = {}

    def expiry(self, state: State) -> datetime:
        """Until when a job that ends now in that state is kept."""
        at = self._expiry.get(state)
        if at is None:
            at = self._expiry[state] = self.at + self._retention.of(state)
        return at
