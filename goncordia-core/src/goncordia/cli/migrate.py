"""`goncordia migrate`: brings the store's schema up to date."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from cyclopts import Parameter
from rich.table import Table

from goncordia.answers import Step
from goncordia.cli import loops
from goncordia.cli.faults import reported
from goncordia.cli.parameters import Debug, Json, Url
from goncordia.cli.tables import show, show_json
from goncordia.plugins import open_driver, print_schema

NAME = "migrate"
EXAMPLES = """\
Examples:
  goncordia migrate --driver sqlite:///jobs.db
  GONCORDIA_DRIVER=sqlite:////var/lib/jobs.db goncordia migrate --json
  goncordia migrate --sql --driver postgresql://host/db > jobs.sql
  goncordia migrate --cloudformation --driver dynamodb://jobs > jobs.json"""


def printed(told: str) -> Parameter:
    """An option that has something printed, and nothing applied."""
    return Parameter(negative="", show_default=False, help=f"{told}, and apply nothing.")


def command(
    *,
    driver: Url,
    sql: Annotated[bool, printed("Print all steps as SQL")] = False,
    cloudformation: Annotated[bool, printed("Print tables and policies for AWS")] = False,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Bring the store's schema up to date.

    Each step is applied once, whoever comes first; run it at every deploy.
    """
    with reported(driver, debug=debug):
        for form, wanted in (("sql", sql), ("cloudformation", cloudformation)):
            if wanted:
                print(print_schema(driver, form))  # noqa: T201 - to be piped, as it is
                return
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
