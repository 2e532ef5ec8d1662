"""The pool's session with the store, as the pool itself knows it."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from goncordia.clock import Clock

GAP = 3
"""More beats than so many missed are a gap."""


class Lease:
    """Which session the pool works under, and since when its beats have landed without a gap.

    All times are the pool's own monotonic seconds: no two machines' clocks are compared.
    """

    def __init__(self, clock: Clock, ttl: float, beat_every: float) -> None:
        """Not joined yet."""
        self._clock = clock
        self._ttl = ttl
        self._beat_every = beat_every
        self._session: UUID | None = None
        self._landed = self._steady_since = clock.monotonic()

    @property
    def session(self) -> UUID | None:
        """The session, None between two."""
        return self._session

    @property
    def fit(self) -> bool:
        """Whether jobs may be claimed: joined, and not silent for too long."""
        return self._session is not None and self.left > 0

    def joined(self, session: UUID, sent: float) -> None:
        """A session began; `sent` is when its join was sent."""
        self._session = session
        self._landed = self._steady_since = sent

    def lost(self) -> None:
        """The session is dead."""
        self._session = None

    def landed(self, sent: float) -> None:
        """A beat that was sent then has landed."""
        if sent - self._landed > GAP * self._beat_every:
            self._steady_since = sent
        self._landed = sent

    @property
    def left(self) -> float:
        """Seconds until the pool must stop its handlers itself: ttl less two beats of silence."""
        return self._landed + self._ttl - 2 * self._beat_every - self._clock.monotonic()

    @property
    def observed(self) -> timedelta:
        """For how long the pool has been able to observe others' silence.

        Not at all, if it was silent itself until now: a process that was frozen saw nothing.
        """
        if self._clock.monotonic() - self._landed > GAP * self._beat_every:
            return timedelta(0)
        return timedelta(seconds=max(self._landed - self._steady_since, 0.0))
