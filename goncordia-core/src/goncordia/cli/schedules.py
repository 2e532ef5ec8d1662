"""`goncordia schedules`: when periodic jobs were enqueued last, and when they are next."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

import msgspec
from cyclopts import Parameter
from rich.console import RenderableType
from rich.table import Table

from goncordia.cli import loops
from goncordia.cli.faults import reported
from goncordia.cli.load import load_schedules
from goncordia.cli.parameters import Debug, Json, Url
from goncordia.cli.tables import show, show_json
from goncordia.clock import utc_now
from goncordia.periodic import Periodic, Schedules
from goncordia.plugins import open_driver
from goncordia.scheduler import Cursor, next_tick, read_cursor

NAME = "schedules"
EXAMPLES = """\
Examples:
  goncordia schedules shop.jobs:schedules --driver sqlite:///jobs.db
  goncordia schedules shop.jobs:schedules --json | jq '.[].next'"""


class ScheduleState(msgspec.Struct):
    """A schedule, as `--json` tells it."""

    name: str
    schedule: str
    last: datetime | None
    """The last tick that enqueued a job."""
    next: datetime | None
    """In the past: it is due, and no worker has come to it yet."""
    seen: bool
    """Whether a worker has ever had this schedule; it starts then."""


def command(
    schedules: Annotated[str, Parameter(help="Where the goncordia.Schedules are: module:name.")],
    /,
    *,
    driver: Url,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Show when periodic jobs were enqueued last, and when they are next.

    The module is imported from the current directory or from what is installed.
    """
    with reported(driver, debug=debug):
        found = load_schedules(schedules)
        states = loops.run(lambda: _states(driver, found), "asyncio")
    if json:
        show_json(states)
    else:
        show(_table(states))


async def _states(url: str, schedules: Schedules) -> list[ScheduleState]:
    async with open_driver(url) as driver:
        return [_state(entry, await read_cursor(driver, entry.name)) for entry in schedules]


def _state(entry: Periodic, cursor: Cursor | None) -> ScheduleState:
    return ScheduleState(
        entry.name,
        str(entry.schedule),
        cursor and cursor.last,
        next_tick(entry, cursor or Cursor(utc_now(), owed=entry.run_on_start)),
        cursor is not None,
    )


def _table(states: Sequence[ScheduleState]) -> RenderableType:
    table = Table("name", "schedule", "last", "next")
    for state in states:
        last = _shown(state.last) if state.seen else "no worker has had it yet"
        table.add_row(state.name, state.schedule, last, _shown(state.next))
    return table


def _shown(at: datetime | None) -> str:
    return "" if at is None else f"{at:%Y-%m-%d %H:%M:%S} UTC"
