"""How long to wait before asking a store again that did not answer."""

from __future__ import annotations

import random

import anyio

from goncordia.clock import Clock, Event

FIRST, LONGEST = 0.05, 5.0
"""Seconds."""


class Backoff:
    """Waits that double, with jitter, until something worked."""

    __slots__ = ("_next", "resting")

    def __init__(self) -> None:
        """At the beginning."""
        self._next = FIRST
        self.resting = False
        """Whether somebody waits here now."""

    def failed(self) -> float:
        """Seconds to wait after one more failure."""
        wait, self._next = self._next, min(self._next * 2, LONGEST)
        return wait * random.uniform(0.5, 1.0)

    async def rest(self, clock: Clock, until: Event | None = None) -> None:
        """Wait after one more failure, at most until that happens."""
        self.resting = True
        try:
            await clock.wait(until or anyio.Event(), self.failed())
        finally:
            self.resting = False

    def worked(self) -> None:
        """Begin anew."""
        self._next = FIRST
