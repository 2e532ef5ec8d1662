"""What people and programs read on stdout."""

from __future__ import annotations

import sys

import msgspec
from rich.console import Console, RenderableType


def show(what: RenderableType) -> None:
    """Print for people: in colour on a terminal, plain elsewhere."""
    Console().print(what)


def show_json(what: object) -> None:
    """Print for programs: one JSON document."""
    text = msgspec.json.format(msgspec.json.encode(what), indent=2).decode()
    sys.stdout.write(text + "\n")
