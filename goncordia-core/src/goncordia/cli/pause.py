"""`goncordia pause`: lets queues take jobs and give none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Never

import msgspec
from cyclopts import Parameter

from goncordia.cli.asking import ask
from goncordia.cli.faults import reported
from goncordia.cli.parameters import Debug, Json, Url
from goncordia.cli.tables import say, show_json
from goncordia.client import Client
from goncordia.errors import InvalidArgument
from goncordia.options import check_queue

NAME = "pause"
EXAMPLES = """\
Examples:
  goncordia pause mail --driver sqlite:///jobs.db
  goncordia pause mail imports"""

Names = Annotated[str, Parameter(help="The queues.")]


class Changed(msgspec.Struct):
    """What was changed, as `--json` tells it."""

    queues: Sequence[str]
    paused: bool


def command(*queues: Names, driver: Url, json: Json = False, debug: Debug = False) -> None:
    """Let queues take jobs and give none; what runs goes on.

    A queue that was never used may be paused, too.
    """
    change(queues, paused=True, driver=driver, json=json, debug=debug)


def change(names: Sequence[str], *, paused: bool, driver: str, json: bool, debug: bool) -> None:
    """Pause or resume them, and say so."""
    with reported(driver, debug=debug):
        if not names:
            raise InvalidArgument("which queues? Name at least one; `goncordia queues` lists them")
        for name in names:
            check_queue(name)

    async def each(client: Client[Never]) -> None:
        for name in names:
            await (client.pause(name) if paused else client.resume(name))

    ask(driver, each, debug=debug)
    if json:
        show_json(Changed(names, paused))
    else:
        say(f"{'Paused' if paused else 'Resumed'}: {', '.join(names)}")
