"""The scheme `sqlite`: `sqlite:///jobs.db`, `sqlite:////var/lib/jobs.db?synchronous=normal`."""

from __future__ import annotations

import sqlite3
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

from goncordia.driver import Driver, SyncDriver
from goncordia.errors import InvalidArgument
from goncordia.hookspecs import hookimpl

from goncordia_sql.sqlite.driver import SqliteDriver
from goncordia_sql.sqlite.sync import SyncSqliteDriver

FORM = "use sqlite:///relative.db or sqlite:////absolute/path.db"


class Address(NamedTuple):
    """What a URL names."""

    path: str
    synchronous: str = "FULL"
    busy_timeout: float = 5.0


@hookimpl
def goncordia_open(url: str) -> Driver[sqlite3.Connection] | None:
    """The driver for a file."""
    address = parse(url)
    if address is None:
        return None
    return SqliteDriver(
        address.path, synchronous=address.synchronous, busy_timeout=address.busy_timeout
    )


@hookimpl
def goncordia_open_sync(url: str) -> SyncDriver[sqlite3.Connection] | None:
    """The driver for code without an event loop."""
    address = parse(url)
    if address is None:
        return None
    return SyncSqliteDriver(
        address.path, synchronous=address.synchronous, busy_timeout=address.busy_timeout
    )


def parse(url: str) -> Address | None:
    """What a URL names; None for another scheme, `InvalidArgument` for what names no file."""
    parts = urlsplit(url)
    if parts.scheme != "sqlite":
        return None
    if parts.netloc or parts.fragment:
        raise InvalidArgument(f"{url!r} has a part that names no file: {FORM}")
    path = unquote(parts.path)[1:]
    if path in ("", ":memory:"):
        raise InvalidArgument(f"{url!r} names no file: {FORM}; for jobs in memory use memory://")
    return _with_options(Address(path), parts.query, url)


def _with_options(address: Address, query: str, url: str) -> Address:
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name == "synchronous":
            address = address._replace(synchronous=value)
        elif name == "busy_timeout":
            address = address._replace(busy_timeout=_seconds(value, url))
        else:
            raise InvalidArgument(
                f"{url!r}: no option {name!r}; there are synchronous and busy_timeout"
            )
    return address


def _seconds(value: str, url: str) -> float:
    try:
        return float(value)
    except ValueError as error:
        raise InvalidArgument(f"{url!r}: busy_timeout={value!r} is no number of seconds") from error
