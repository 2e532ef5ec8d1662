"""What people and programs read on stdout."""

from __future__ import annotations

import os
import sys

import msgspec
from rich.console import Console, RenderableType

WIDE = 200
"""Columns, where nobody says how many there are."""


def show(what: RenderableType) -> None:
    """Print for people: in colour on a terminal, plain and wide elsewhere."""
    console = Console()
    if not (console.is_terminal or os.environ.get("COLUMNS")):
        console.width = WIDE
    console.print(what)


def say(line: str) -> None:
    """Print a line as it is: nothing in it is markup, and it is not broken."""
    Console().print(line, markup=False, highlight=False, soft_wrap=True)


def show_json(what: object) -> None:
    """Print for programs: one JSON document."""
    text = msgspec.json.format(msgspec.json.encode(what), indent=2).decode()
    write(text + "\n")


def write(text: str) -> None:
    """Write it at once; where nobody reads any more (`| head`), end the process without a word."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        Console().on_broken_pipe()
