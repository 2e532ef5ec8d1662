"""`goncordia amend`: changes when and how urgently waiting jobs run."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from goncordia.cli.acting import Deed, act
from goncordia.cli.choice import ANY, CAREFUL, Care, Choice, Ids
from goncordia.cli.faults import reported
from goncordia.cli.parameters import Debug, In, Json, RunAt, Url
from goncordia.cli.times import when
from goncordia.errors import InvalidArgument

NAME = "amend"
EXAMPLES = """\
Examples:
  goncordia amend 01a20dd1-bfc3-7cef-9839-abc7283d2c48 --priority 10
  goncordia amend --kind report --in 2h
  goncordia amend --state retryable --run-at 2030-01-01T08:00:00Z --yes"""

Priority = Annotated[int | None, Parameter(help="The new one, -16 (last) to 15 (first).")]


def command(
    *ids: Ids,
    choice: Choice = ANY,
    run_at: RunAt = None,
    wait: In = None,
    priority: Priority = None,
    care: Care = CAREFUL,
    driver: Url,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Change when or how urgently waiting jobs run.

    A filter that names no state means all that wait. Asks before it touches many.
    """
    with reported(driver, debug=debug):
        at = when(run_at, wait)
        if at is None and priority is None:
            raise InvalidArgument("amend what? Say --run-at, --in or --priority")
    deed = Deed(
        "amend",
        "amended",
        lambda client, ids: client.amend(*ids, run_at=at, priority=priority),
        lambda client, dry: client.amend_all(
            run_at=at, priority=priority, dry=dry, limit=care.limit, **choice.where
        ),
    )
    act(deed, ids, choice, care, driver=driver, json=json, debug=debug)
