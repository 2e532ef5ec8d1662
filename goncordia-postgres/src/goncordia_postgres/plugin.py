"""The schemes `postgresql` and `postgres`: addresses as libpq reads them, and a few words of ours.

`postgresql://user@host/db?schema=jobs&connections=4&listen=off&prepare=off&notify=off`
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypedDict
from urllib.parse import parse_qsl, urlencode, urlsplit

import psycopg
from goncordia.driver import Driver, SyncDriver
from goncordia.errors import InvalidArgument
from goncordia.hookspecs import hookimpl

from goncordia_postgres.borrow import AsyncHandle
from goncordia_postgres.driver import PostgresDriver
from goncordia_postgres.migrate import script
from goncordia_postgres.place import CONNECTIONS
from goncordia_postgres.statements import SCHEMA
from goncordia_postgres.sync import SyncPostgresDriver

SCHEMES = frozenset({"postgres", "postgresql"})


class Options(TypedDict, total=False):
    """What a URL may say beside the address."""

    schema: str
    connections: int
    listen: str | None
    prepare: bool
    notify: bool


@hookimpl
def goncordia_open(url: str) -> Driver[AsyncHandle] | None:
    """The driver of a database."""
    parsed = parse(url)
    return None if parsed is None else PostgresDriver(parsed[0], **parsed[1])


@hookimpl
def goncordia_open_sync(url: str) -> SyncDriver[psycopg.Connection[tuple[object, ...]]] | None:
    """The driver for code without an event loop; it has no use for `listen`."""
    parsed = parse(url)
    if parsed is None:
        return None
    address, options = parsed
    return SyncPostgresDriver(
        address,
        schema=options.get("schema", SCHEMA),
        connections=options.get("connections", CONNECTIONS),
        prepare=options.get("prepare", True),
        notify=options.get("notify", True),
    )


@hookimpl
def goncordia_schema(url: str, form: str) -> str | None:
    """The migrations as SQL."""
    parsed = parse(url)
    return None if parsed is None else script(parsed[1].get("schema", SCHEMA))


def parse(url: str) -> tuple[str, Options] | None:
    """The address and our words; None for another scheme, `InvalidArgument` for a wrong word."""
    parts = urlsplit(url)
    if parts.scheme not in SCHEMES:
        return None
    theirs: list[tuple[str, str]] = []
    ours: dict[str, object] = {}
    for name, value in parse_qsl(parts.query, keep_blank_values=True):
        if name in _WORDS:
            ours[name] = _WORDS[name](name, value)
        else:
            theirs.append((name, value))
    query = f"?{urlencode(theirs)}" if theirs else ""
    address = f"postgresql://{parts.netloc}{parts.path}{query}"
    return address, Options(**ours)  # pyright: ignore[reportArgumentType] - as `_WORDS` made them


def _text(name: str, value: str) -> str:
    return value


def _number(name: str, value: str) -> int:
    if not value.isdecimal() or int(value) < 1:
        raise InvalidArgument(f"{name}={value!r}: use a number, 1 or more")
    return int(value)


def _switch(name: str, value: str) -> bool:
    if value not in _SWITCH:
        raise InvalidArgument(f"{name}={value!r}: use on or off")
    return _SWITCH[value]


def _listen(name: str, value: str) -> str | None:
    return None if value == "off" else "" if value == "on" else value


_SWITCH: Mapping[str, bool] = {"on": True, "off": False}
_WORDS: Mapping[str, Callable[[str, str], object]] = {
    "schema": _text,
    "connections": _number,
    "listen": _listen,
    "prepare": _switch,
    "notify": _switch,
}
