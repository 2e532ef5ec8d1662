"""`goncordia list`: jobs, newest first, page by page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import msgspec
from cyclopts import Parameter

from goncordia.cli.asking import ask
from goncordia.cli.choice import ANY, Choice
from goncordia.cli.parameters import Debug, Json, Url
from goncordia.cli.rows import JobView, table, view
from goncordia.cli.tables import say, show, show_json

NAME = "list"
EXAMPLES = """\
Examples:
  goncordia list --driver sqlite:///jobs.db
  goncordia list --state discarded --kind send_email --limit 100
  goncordia list --queue mail --tag import-7 --json | jq '.jobs[].id'"""

Limit = Annotated[int, Parameter(help="The most jobs to show.")]
Cursor = Annotated[
    str | None, Parameter(name="--cursor", help="Where the page before this one ended.")
]


class Listed(msgspec.Struct):
    """A page, as `--json` tells it."""

    jobs: Sequence[JobView]
    cursor: str | None
    """For the next page; null: that was all."""


def command(
    *,
    choice: Choice = ANY,
    limit: Limit = 20,
    cursor: Cursor = None,
    driver: Url,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """List jobs, newest first.

    All parts of the filter hold; a job whose time has come is available, as workers see it.
    """
    page = ask(
        driver,
        lambda client: client.jobs(cursor=cursor, limit=limit, **choice.where),
        debug=debug,
    )
    if json:
        show_json(Listed([view(row) for row in page.rows], page.cursor))
        return
    show(table(page.rows) if page.rows else "No job matches.")
    if page.cursor is not None:
        say(f"There are more: --cursor {page.cursor}")
