"""A subject in a process and an environment of its own, that takes measures as it is told.

    child.py MODULE URL

A line of JSON in: {"measure", "loop", "scale": {...}, "stock": null}. A line of JSON out:
{"figures"}, {"error"} or {"unsupported"}. In between it may say {"mark"} and wait for a line.
"""

from __future__ import annotations

import importlib
import json
import logging
import os
import sys
import traceback
from typing import Any, TextIO

from measures import Scale, take
from subject import Unsupported


def main() -> None:
    """Answer until the input ends."""
    name, url = sys.argv[1:]
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what a library prints is no answer
    logging.disable(logging.WARNING)
    try:
        subject = importlib.import_module(name).SUBJECT
    except Exception as error:
        sys.exit(say(answers, {"error": f"{type(error).__name__}: {error}"}))
    say(answers, {"settings": subject.settings})
    for line in sys.stdin:
        say(answers, answer(subject, url, json.loads(line), answers))


def answer(subject: Any, url: str, asked: dict[str, Any], answers: TextIO) -> dict[str, Any]:
    """The figures, or why there are none."""

    def mark(what: str) -> None:
        say(answers, {"mark": what})
        sys.stdin.readline()

    scale, stock = Scale(**asked["scale"]), asked.get("stock")
    try:
        return {"figures": take(subject, url, asked["measure"], asked["loop"], scale, mark, stock)}
    except Unsupported:
        return {"unsupported": True}
    except BaseException as error:  # whatever a peer does is reported, and not fatal
        traceback.print_exc()
        return {"error": f"{type(error).__name__}: {error}"[:300]}


def say(answers: TextIO, what: dict[str, Any]) -> None:
    """Write a line."""
    answers.write(json.dumps(what) + "\n")


if __name__ == "__main__":
    main()
