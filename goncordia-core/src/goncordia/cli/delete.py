"""`goncordia delete`: removes jobs that don't run."""

from __future__ import annotations

from goncordia.cli.acting import Deed, act
from goncordia.cli.choice import ANY, CAREFUL, Care, Choice, Ids
from goncordia.cli.parameters import Debug, Json, Url

NAME = "delete"
EXAMPLES = """\
Examples:
  goncordia delete 01a20dd1-bfc3-7cef-9839-abc7283d2c48
  goncordia delete --state discarded --kind send_email
  goncordia delete --queue old --limit 1000 --yes"""


def command(
    *ids: Ids,
    choice: Choice = ANY,
    care: Care = CAREFUL,
    driver: Url,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Remove jobs that don't run; those that wait never will.

    A filter that names no state means all save running ones. Asks before it touches many.
    """
    deed = Deed(
        "delete",
        "deleted",
        lambda client, ids: client.delete(*ids),
        lambda client, dry: client.delete_all(dry=dry, limit=care.limit, **choice.where),
    )
    act(deed, ids, choice, care, driver=driver, json=json, debug=debug)
