"""How long to wait before asking a store again that did not answer."""

from __future__ import annotations

import random

FIRST, LONGEST = 0.05, 5.0
"""Seconds."""


class Backoff:
    """Waits that double, with jitter, until something worked."""

    __slots__ = ("_next",)

    def __init__(self) -> None:
        """At the beginning."""
        self._next = FIRST

    def failed(self) -> float:
        """Seconds to wait after one more failure."""
        wait, self._next = self._next, min(self._next * 2, LONGEST)
        return wait * random.uniform(0.5, 1.0)

    def worked(self) -> None:
        """Begin anew."""
        self._next = FIRST
