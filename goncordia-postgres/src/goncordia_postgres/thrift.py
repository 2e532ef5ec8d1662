"""Keeps what an old transaction makes dear to a small part of the time.

The index of running jobs keeps an entry of each job that was claimed since the oldest transaction
of the database began. What has to walk over all of them, to see what a session holds that it does
not know of, or who holds jobs and is dead, is put off so long that little of all time goes there.
"""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import contextmanager

SLOW = 0.05
"""Seconds that a look may take without being put off."""
COST = 50
"""It may cost one part in so many of all the time."""
LONGEST = 60.0
"""Seconds by which it is put off at the most."""


class Thrift:
    """When one kind of look is due."""

    def __init__(self) -> None:
        """At once."""
        self._due_at = 0.0

    @property
    def due(self) -> bool:
        """Whether it is time to look."""
        return time.monotonic() >= self._due_at

    @contextmanager
    def looking(self) -> Generator[None]:
        """Time a look; one that fails says nothing, one that is cut short was too long."""
        begun, failed = time.monotonic(), False
        try:
            yield
        except Exception:
            failed = True
            raise
        finally:
            now = time.monotonic()
            if not failed and now - begun > SLOW:
                self._due_at = now + min(COST * (now - begun), LONGEST)
