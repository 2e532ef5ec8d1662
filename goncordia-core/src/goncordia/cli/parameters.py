"""The options that commands share."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from goncordia.cli.loops import Name

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
