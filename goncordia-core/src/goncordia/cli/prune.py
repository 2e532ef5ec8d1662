"""`goncordia prune`: removes ended jobs that were kept long enough."""

from __future__ import annotations

from typing import Annotated, Never

from cyclopts import Parameter

from goncordia.answers import Progress
from goncordia.cli.asking import ask
from goncordia.cli.parameters import Debug, Json, Url
from goncordia.cli.tables import say, show_json
from goncordia.client import Client

NAME = "prune"
EXAMPLES = """\
Examples:
  goncordia prune --driver sqlite:///jobs.db
  goncordia prune --limit 10000 --json"""

BATCH = 1000

Limit = Annotated[int | None, Parameter(help="Remove at most so many.")]


def command(*, limit: Limit = None, driver: Url, json: Json = False, debug: Debug = False) -> None:
    """Remove ended jobs whose retention has passed; workers do it by themselves, too."""
    pruned = ask(driver, lambda client: _prune(client, limit), debug=debug)
    if json:
        show_json(pruned)
    else:
        more = "; there are more than the limit" if pruned.more else ""
        say(f"{pruned.n} jobs pruned{more}.")


async def _prune(client: Client[Never], limit: int | None) -> Progress:
    n = 0
    while True:
        size = BATCH if limit is None else min(BATCH, limit - n)
        progress = await client.prune(size)
        n += progress.n
        if not progress.more or n == limit:
            return Progress(n, progress.more)
