"""`goncordia retry`: runs jobs again."""

from __future__ import annotations

from goncordia.cli.acting import Deed, act
from goncordia.cli.choice import ANY, CAREFUL, Care, Choice, Ids
from goncordia.cli.faults import reported
from goncordia.cli.parameters import Debug, In, Json, RunAt, Url
from goncordia.cli.times import when

NAME = "retry"
EXAMPLES = """\
Examples:
  goncordia retry 01a20dd1-bfc3-7cef-9839-abc7283d2c48
  goncordia retry --kind send_email --dry-run   counts the discarded ones
  goncordia retry --kind send_email --in 10m --yes
  goncordia retry --state cancelled --tag import-7"""


def command(
    *ids: Ids,
    choice: Choice = ANY,
    run_at: RunAt = None,
    wait: In = None,
    care: Care = CAREFUL,
    driver: Url,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Run jobs again, at least one attempt more: ended ones, or those that wait for their time.

    A filter that names no state means discarded jobs. Asks before it touches many.
    """
    with reported(driver, debug=debug):
        at = when(run_at, wait)
    deed = Deed(
        "retry",
        "retried",
        lambda client, ids: client.retry(*ids, run_at=at),
        lambda client, dry: client.retry_all(run_at=at, dry=dry, limit=care.limit, **choice.where),
    )
    act(deed, ids, choice, care, driver=driver, json=json, debug=debug)
