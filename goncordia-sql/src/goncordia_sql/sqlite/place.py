"""Where the store is and how it is to be used: the file, the folder beside it, the settings."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping

from goncordia.errors import InvalidArgument, StoreUnusable
from goncordia.lifecycle import State
from goncordia.retention import Retention

from goncordia_sql.sqlite.env import kept
from goncordia_sql.sqlite.post import Post

LEVELS = ("NORMAL", "FULL", "EXTRA")
SUFFIX = "-goncordia"


class Place:
    """One database, as every part of a driver sees it."""

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        synchronous: str,
        busy_timeout: float,
        retention: Retention,
    ) -> None:
        name = os.fspath(path)
        if name in ("", ":memory:") or name.startswith("file:"):
            raise InvalidArgument(
                f"path={name!r}: name a file; its jobs are for several connections. In memory, "
                "use the driver memory://"
            )
        if synchronous.upper() not in LEVELS:
            raise InvalidArgument(f"synchronous={synchronous!r}: use one of {', '.join(LEVELS)}")
        if not 0 < busy_timeout <= 3600:
            raise InvalidArgument(f"busy_timeout={busy_timeout!r}: use seconds, up to 3600")
        self.path = os.path.realpath(name)
        self.folder = self.path + SUFFIX
        """Beside the file, for the sockets of listeners and the turn at the lock."""
        self.synchronous = synchronous.upper()
        self.busy_timeout = busy_timeout
        self.kept: Mapping[State, int] = kept(retention)
        self.post = Post(self.folder)
        self._furnished = False
        self._lock = threading.Lock()

    @property
    def exists(self) -> bool:
        """Whether there is a file; only a migration makes one."""
        return os.path.exists(self.path)

    def open(self) -> None:
        """Look at the file's directory; furnish the place, if there is a file."""
        try:
            os.stat(os.path.dirname(self.path))
        except OSError as error:
            raise self._unusable(error) from error
        if self.exists:
            self.furnish()

    def furnish(self) -> None:
        """Make the folder, for whoever may use the file's own folder, and be ready to send."""
        with self._lock:
            if not self._furnished:
                self._make_folder()
                self.post.open()
                self._furnished = True

    def close(self) -> None:
        """Send no more."""
        self.post.close()
        self._furnished = False

    def _make_folder(self) -> None:
        try:
            mode = os.stat(os.path.dirname(self.path)).st_mode & 0o777
            if not os.path.isdir(self.folder):
                os.makedirs(self.folder, exist_ok=True)
                os.chmod(self.folder, mode)
        except OSError as error:
            raise self._unusable(error) from error

    def _unusable(self, error: OSError) -> StoreUnusable:
        return StoreUnusable(
            f"{self.path}: its directory must exist, and this user must be able to write it: "
            f"{error}"
        )
