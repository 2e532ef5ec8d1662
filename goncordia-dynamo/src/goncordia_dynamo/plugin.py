"""The driver of `dynamodb://table?region=...&endpoint=...&shards=...&provisioned=READ,WRITE`."""

from __future__ import annotations

from urllib.parse import parse_qs, unquote, urlsplit

from goncordia.errors import InvalidArgument
from goncordia.hookspecs import hookimpl

from goncordia_dynamo.driver import DynamoDriver
from goncordia_dynamo.schema import Units
from goncordia_dynamo.sync import Options, SyncDynamoDriver
from goncordia_dynamo.template import cloudformation

_KNOWN = ("endpoint", "provisioned", "region", "shards", "spread")


@hookimpl
def goncordia_open(url: str) -> DynamoDriver | None:
    """The driver of a table; nothing is connected yet."""
    named = parse(url)
    return None if named is None else DynamoDriver(named[0], **named[1])


@hookimpl
def goncordia_open_sync(url: str) -> SyncDynamoDriver | None:
    """The driver for code without an event loop."""
    named = parse(url)
    return None if named is None else SyncDynamoDriver(named[0], **named[1])


@hookimpl
def goncordia_schema(url: str, form: str) -> str | None:
    """The table and the policies."""
    named = parse(url) if form == "cloudformation" else None
    return None if named is None else cloudformation(named[0], named[1].get("provisioned"))


def parse(url: str) -> tuple[str, Options] | None:
    """The table and what else is said; None for another scheme, `InvalidArgument` for nonsense."""
    parts = urlsplit(url)
    if parts.scheme != "dynamodb":
        return None
    table = unquote(parts.netloc)
    if not table or parts.path.strip("/") or parts.fragment:
        raise InvalidArgument(f"{url!r} names no table: use dynamodb://table?region=...")
    said = parse_qs(parts.query, keep_blank_values=True)
    if strange := [name for name in said if name not in _KNOWN]:
        raise InvalidArgument(f"{url!r}: {strange[0]!r} is none of {', '.join(_KNOWN)}")
    last = {name: values[-1] for name, values in said.items()}
    options = Options(region=last.get("region"), endpoint=last.get("endpoint"))
    options["shards"] = _number(last.get("shards", "1"), url)
    options["spread"] = _number(last.get("spread", "16"), url)
    if "provisioned" in last:
        options["provisioned"] = _units(last["provisioned"], url)
    return table, options


def _number(said: str, url: str) -> int:
    if not said.isdecimal() or not 1 <= int(said) <= 256:
        raise InvalidArgument(f"{url!r}: {said!r} is no number from 1 to 256")
    return int(said)


def _units(said: str, url: str) -> Units:
    read, comma, write = said.partition(",")
    if not (comma and read.isdecimal() and write.isdecimal() and int(read) and int(write)):
        raise InvalidArgument(
            f"{url!r}: provisioned={said!r} is no read and write units a second: use 10,50"
        )
    return int(read), int(write)
