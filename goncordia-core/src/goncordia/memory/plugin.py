"""`memory:` as a URL: a fresh store each time it is opened."""

from __future__ import annotations

from typing import Never
from urllib.parse import urlsplit

from goncordia.driver import Driver, SyncDriver
from goncordia.errors import InvalidArgument
from goncordia.hookspecs import hookimpl
from goncordia.memory.driver import MemoryDriver
from goncordia.memory.sync import SyncMemoryDriver


@hookimpl
def goncordia_open(url: str) -> Driver[Never] | None:
    """A memory driver with a store of its own."""
    return MemoryDriver() if _ours(url) else None


@hookimpl
def goncordia_open_sync(url: str) -> SyncDriver[Never] | None:
    """The same without an event loop."""
    return SyncMemoryDriver() if _ours(url) else None


def _ours(url: str) -> bool:
    parts = urlsplit(url)
    if parts.scheme != "memory":
        return False
    if parts.netloc or parts.path or parts.query or parts.fragment:
        raise InvalidArgument("a memory URL has no parts: use 'memory:' or 'memory://'")
    return True
