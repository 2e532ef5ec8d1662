"""The scheme `lmdb`: `lmdb:///jobs` is a folder here, `lmdb:////var/lib/jobs` one by its path."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

import lmdb
from goncordia.driver import Driver
from goncordia.errors import InvalidArgument
from goncordia.hookspecs import hookimpl

from goncordia_lmdb.driver import LmdbDriver


@hookimpl
def goncordia_open(url: str) -> Driver[lmdb.Transaction[bytes]] | None:
    """The driver of a folder; nothing is opened yet."""
    parts = urlsplit(url)
    if parts.scheme != "lmdb":
        return None
    path = unquote(parts.path)[1:]
    if not path or parts.netloc or parts.query or parts.fragment:
        raise InvalidArgument(
            f"{url!r} names no folder: use lmdb:///relative or lmdb:////absolute/path"
        )
    return LmdbDriver(path)
