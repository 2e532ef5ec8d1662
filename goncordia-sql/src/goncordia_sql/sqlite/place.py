"""Where the store is and how it is to be used: the file, the folder beside it, the settings."""

from __future__ import annotations

import os
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

    def open(self) -> None:
        """Make the folder, for whoever may use the file's own folder, and be ready to send."""
        parent = os.path.dirname(self.path)
        try:
            mode = os.stat(parent).st_mode & 0o777
            if not os.path.isdir(self.folder):
                os.makedirs(self.folder, exist_ok=True)
                os.chmod(self.folder, mode)
        except OSError as error:
            raise StoreUnusable(
                f"{self.path}: its directory must exist, and this user must be able to write it: "
                f"{error}"
            ) from error
        self.post.open()

    def close(self) -> None:
        """Send no more."""
        self.post.close()
