"""The options that commands share."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Annotated

from cyclopts import Parameter

from goncordia.cli.loops import Name
from goncordia.errors import InvalidArgument

Url = Annotated[
    str,
    Parameter(
        name="--driver",
        env_var="GONCORDIA_DRIVER",
        help="The store, as a URL: sqlite:///jobs.db",
        metavar="URL",
    ),
]
Debug = Annotated[
    bool,
    Parameter(
        name="--debug", negative="", show_default=False, help="Show the traceback of an error."
    ),
]
Json = Annotated[
    bool,
    Parameter(name="--json", negative="", show_default=False, help="Print JSON, for programs."),
]
Loop = Annotated[
    Name,
    Parameter(name="--loop", help="The event loop; trio and uvloop have to be installed."),
]


def Numbers(told: str) -> Parameter:  # noqa: N802 - it stands where the others do
    """An option that takes several of name=number."""
    return Parameter(
        consume_multiple=True,
        negative="",
        show_default=False,
        help=told,
        metavar="NAME=NUMBER",
    )


def numbers(texts: Iterable[str], option: str) -> dict[str, int]:
    """What is said of each name; raises `InvalidArgument` for what is no name=number."""
    found: dict[str, int] = {}
    for text in texts:
        name, equals, number = text.partition("=")
        if not (name and equals and number.isascii() and number.isdecimal()):
            raise InvalidArgument(f"{option} {text}: write name=number, as in mail=3")
        found[name] = int(number)
    return found


RunAt = Annotated[
    datetime | None,
    Parameter(name="--run-at", help="When, with a time zone: 2030-01-01T08:00:00Z"),
]
In = Annotated[
    timedelta | None,
    Parameter(name="--in", help="After so long: 30s, 10m, 1h30m, 2d", metavar="SPAN"),
]
