"""`make bench-core`: what core and SQLite cost beside bare code, as a table of ratios.

Never fails for being slow: a missed floor is marked, and judged by people.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import memory
import msgspec
import report
import sqlite
from measure import Group, by_turns

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "core.jsonl"
QUICK, FULL = 1.5, 12.0
"""Seconds that a group's turns take, and the rest of the last round."""


def main() -> None:
    """Measure, print, and append to the results."""
    parser = argparse.ArgumentParser(description="Measure core and SQLite; QUICK=1 is brief.")
    parser.add_argument("only", nargs="*", help="measures to take, by the beginning of their names")
    parser.add_argument("--json", action="store_true", help="print lines of JSON, not a table")
    parser.add_argument("--seconds", type=float, help="how long each group's turns take")
    parser.add_argument("--results", type=Path, default=RESULTS, help="the file to append to")
    options = parser.parse_args()
    quick = os.environ.get("QUICK", "") not in ("", "0")
    usual = QUICK if quick else FULL
    seconds: float = usual if options.seconds is None else options.seconds
    scratch = HERE.parent / ".cache"
    scratch.mkdir(exist_ok=True)
    options.results.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="bench-", dir=scratch) as folder:
        groups = chain(memory.groups(quick), sqlite.groups(Path(folder), quick))
        run(_wanted(groups, options.only), seconds, options.results, options.json)


def run(groups: Iterator[Group], seconds: float, results: Path, as_json: bool) -> None:
    """Take the measures of each group, and print them as they come."""
    if not as_json:
        print(report.head())
    for group in groups:
        values = by_turns(group, seconds)
        with results.open("ab") as file:
            for line in report.lines(group, values):
                file.write(msgspec.json.encode(line) + b"\n")
        for row in report.compared(group, values):
            text = [msgspec.json.encode(row).decode()] if as_json else report.rows(row)
            print(*text, sep="\n", flush=True)


def _wanted(groups: Iterator[Group], only: list[str]) -> Iterator[Group]:
    for group in groups:
        if not only or any(name.startswith(tuple(only)) for name in group.units):
            yield group


if __name__ == "__main__":
    main()
