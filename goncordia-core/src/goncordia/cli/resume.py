"""`goncordia resume`: lets paused queues give jobs again."""

from __future__ import annotations

from goncordia.cli.parameters import Debug, Json, Url
from goncordia.cli.pause import Names, change

NAME = "resume"
EXAMPLES = """\
Examples:
  goncordia resume mail --driver sqlite:///jobs.db
  goncordia resume mail imports"""


def command(*queues: Names, driver: Url, json: Json = False, debug: Debug = False) -> None:
    """Let paused queues give jobs again."""
    change(queues, paused=False, driver=driver, json=json, debug=debug)
