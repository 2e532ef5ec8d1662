"""`goncordia cancel`: ends jobs that wait, and asks running ones to stop."""

from __future__ import annotations

from goncordia.cli.acting import Deed, act
from goncordia.cli.choice import ANY, CAREFUL, Care, Choice, Ids
from goncordia.cli.parameters import Debug, Json, Url

NAME = "cancel"
EXAMPLES = """\
Examples:
  goncordia cancel 01a20dd1-bfc3-7cef-9839-abc7283d2c48
  goncordia cancel --queue imports --state scheduled
  goncordia cancel --kind send_email --tag spring-sale --yes --json"""


def command(
    *ids: Ids,
    choice: Choice = ANY,
    care: Care = CAREFUL,
    driver: Url,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """End jobs that wait, and ask the workers of running ones to stop them.

    A filter that names no state means all jobs that have not ended. Asks before it touches many.
    """
    deed = Deed(
        "cancel",
        "cancelled",
        lambda client, ids: client.cancel(*ids),
        lambda client, dry: client.cancel_all(dry=dry, limit=care.limit, **choice.where),
    )
    act(deed, ids, choice, care, driver=driver, json=json, debug=debug)
