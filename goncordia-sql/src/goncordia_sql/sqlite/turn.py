"""Taking turns at SQLite's one write lock.

SQLite wakes nobody who waits for its lock: each tries again now and then, and a process that
commits and begins at once may keep the others out for good. So whoever wants the lock first takes
the turn, a lock on a file beside the database, and gives it back once it holds the other: who just
committed has to line up behind the one who waits. It is politeness, never safety.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress

try:
    import fcntl
except ImportError:  # no such locks on Windows: everybody tries on his own
    fcntl = None

SHORT, LONG = 0.0002, 0.005
"""Seconds between two tries: at first, and at most."""
PATIENCE = 0.25
"""Seconds after which a turn that does not come is passed over: its holder may be frozen."""


class Turn:
    """The turn at one database, among threads and processes."""

    def __init__(self, folder: str) -> None:
        self._path = os.path.join(folder, "turn")
        self._file = -1

    @contextmanager
    def taken(self) -> Generator[None]:
        """Hold the turn, or have waited long enough for it."""
        self._open()
        until = time.monotonic() + PATIENCE
        attempts(self._try, until)
        try:
            yield
        finally:
            if fcntl is not None and self._file >= 0:
                fcntl.flock(self._file, fcntl.LOCK_UN)

    def close(self) -> None:
        """Let go of the file."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _open(self) -> None:
        """Open the file, for whoever may use the folder; without it everybody tries on his own."""
        if self._file < 0 and fcntl is not None:
            with suppress(OSError):
                self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
                os.fchmod(self._file, os.stat(os.path.dirname(self._path)).st_mode & 0o666)

    def _try(self) -> bool:
        if fcntl is None or self._file < 0:
            return True
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def attempts(attempt: Callable[[], bool], until: float) -> bool:
    """Try until it works or that monotonic time has come, with jittered waits that grow."""
    wait = SHORT
    while not attempt():
        if time.monotonic() >= until:
            return False
        time.sleep(wait * (0.5 + random.random()))
        wait = min(wait * 1.2, LONG)
    return True
