"""`goncordia migrate`: brings the store's schema up to date."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table

from goncordia.answers import Step
from goncordia.cli import loops
from goncordia.cli.faults import reported
from goncordia.cli.parameters import Debug, Json, Url
from goncordia.cli.tables import show, show_json
from goncordia.plugins import open_driver

NAME = "migrate"
EXAMPLES = """\
Examples:
  goncordia migrate --driver sqlite:///jobs.db
  GONCORDIA_DRIVER=sqlite:////var/lib/jobs.db goncordia migrate --json"""


def command(*, driver: Url, json: Json = False, debug: Debug = False) -> None:
    """Bring the store's schema up to date.

    Each step is applied once, whoever comes first; run it at every deploy.
    """
    with reported(driver, debug=debug):
        steps = loops.run(lambda: _migrate(driver), "asyncio")
    if json:
        show_json({"applied": steps})
    elif steps:
        show(_table(steps))
    else:
        show("The schema is up to date.")


async def _migrate(url: str) -> Sequence[Step]:
    async with open_driver(url) as driver:
        return await driver.migrate()


def _table(steps: Sequence[Step]) -> Table:
    table = Table("version", "applied")
    for step in steps:
        table.add_row(str(step.version), step.name)
    return table
