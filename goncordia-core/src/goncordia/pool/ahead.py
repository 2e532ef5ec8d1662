"""How many jobs are claimed beyond the free slots, so that short ones need not wait for a claim."""

from __future__ import annotations

from collections import deque

from goncordia.clock import Clock

TRIPS = 4
"""A set of jobs, one for each slot, is short if it lasts for no more claims than that."""
LONGEST = 0.1
"""Seconds of a claim beyond which it was delayed, and tells nothing of the next one."""


class Ahead:
    """Lets a second set of jobs be claimed while the first one runs, as long as sets are short.

    Then store and handlers work at the same time, and what is claimed ahead begins within a few
    claims' time. By a mock clock a claim takes no time, so nothing is claimed ahead.
    """

    def __init__(self, clock: Clock, slots: int) -> None:
        """Nothing measured yet; no slots: never."""
        self.jobs = 0
        """How many may be claimed ahead now."""
        self._clock = clock
        self._slots = slots
        self._marks = deque([(clock.monotonic(), 0)] * 2, maxlen=2)
        """When the last claims began, and how many jobs had ended then. The one before counts, too:
        during the first claim ahead no handler may have been left to run."""
        self._pace = 0.0
        """Jobs a second that ended."""

    def claiming(self, ended: int) -> None:
        """A claim begins; so many jobs have ended so far."""
        now, (since, before) = self._clock.monotonic(), self._marks[0]
        self._pace = (ended - before) / (now - since) if now > since else 0.0
        self._marks.append((now, ended))

    def claimed(self) -> None:
        """It has ended."""
        trip = min(self._clock.monotonic() - self._marks[-1][0], LONGEST)
        self.jobs = self._slots if 0 < self._slots <= self._pace * trip * TRIPS else 0
