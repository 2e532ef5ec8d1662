"""`make bench-core`: what core and SQLite cost beside bare code, as a table of ratios.

Never fails for being slow: a missed floor is marked, and judged by people.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path

import msgspec
import report
import sqlite
from measure import OURS, RAW, Floor, Group, Turn, by_turns, for_seconds
from measures import PICKUP, Scale, take, unit
from subject import Subject
from subjects import goncordia_memory, goncordia_sqlite, raw_memory, raw_sqlite_loop

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "core.jsonl"
QUICK, FULL = 1.5, 11.0
"""Seconds that a group's turns take, and the rest of the last round."""

SUBJECTS: dict[str, dict[str, type[Subject]]] = {
    "memory": {RAW: raw_memory.SUBJECT, OURS: goncordia_memory.SUBJECT},
    "sqlite": {RAW: raw_sqlite_loop.SUBJECT, OURS: goncordia_sqlite.SUBJECT},
}
LOOPS = {"asyncio": "", "trio": " trio"}
"""Event loops, and what a measure's name says of them."""
JOBS = {"memory": 20_000, "sqlite": 10_000}
"""That a pool drains in a turn; a fifth of them is enqueued one by one."""

COMPARED = {"memory": "pool", "sqlite": ""}
"""What raw is a measure of, by the beginning of the measure's name."""
RATES = ("enqueue", "enqueue tx", "batch 100", "batch 1000", "pool 1", "pool 10", "pool 100")

FLOORS = {
    "memory batch 1000": [Floor("memory batch 1000", at_least=150_000)],
    "memory pool 100": [
        Floor("memory pool 100", at_least=40_000),
        Floor("memory pool 100", at_least=0.2, of=("memory pool 100", RAW)),
        Floor("memory pool 100 trio", at_least=0.7, of=("memory pool 100", OURS)),
    ],
    "sqlite enqueue tx": [Floor("sqlite enqueue tx", at_most=1.5, of=("sqlite enqueue tx", RAW))],
    "sqlite batch 1000": [Floor("sqlite batch 1000", at_least=0.7, of=("sqlite batch 1000", RAW))],
    "sqlite pool 10": [Floor("sqlite pool 10", at_least=0.6, of=("sqlite pool 10", RAW))],
    "sqlite pool 100": [Floor("sqlite pool 100", at_least=0.35, of=("sqlite pool 100", RAW))],
}


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
        groups = chain(*(_of(store, Path(folder), quick) for store in SUBJECTS))
        groups = chain(groups, sqlite.groups(Path(folder), quick))
        run(_wanted(groups, options.only), seconds, options.results, options.json)


def run(groups: Iterable[Group], seconds: float, results: Path, as_json: bool) -> None:
    """Take the measures of each group, and print them as they come."""
    if not as_json:
        print(report.head())
    for group in groups:
        values = by_turns(group, for_seconds(seconds))
        with results.open("ab") as file:
            for line in report.lines(group, values):
                file.write(msgspec.json.encode(line) + b"\n")
        for row in report.compared(group, values):
            text = [msgspec.json.encode(row).decode()] if as_json else report.rows(row)
            print(*text, sep="\n", flush=True)


def _wanted(groups: Iterable[Group], only: list[str]) -> Iterator[Group]:
    for group in groups:
        if not only or any(name.startswith(tuple(only)) for name in group.units):
            yield group


def _of(store: str, folder: Path, quick: bool) -> Iterator[Group]:
    """What every store is measured by, on both loops."""
    scale = Scale(JOBS[store] // 5, seconds=0.3) if quick else Scale(JOBS[store])
    place = str(folder / f"{store}.db")
    for measure in RATES:
        if (store, measure) != ("memory", "enqueue tx"):
            yield _rate(store, measure, place, scale)
    yield _pickup(store, place, scale)


def _rate(store: str, measure: str, place: str, scale: Scale) -> Group:
    names = {loop: f"{store} {measure}{suffix}" for loop, suffix in LOOPS.items()}

    def turn(subject: str, loop: str) -> Turn:
        make = SUBJECTS[store][subject]

        def run() -> dict[str, float]:
            return {names[loop]: take(make, place, measure, loop, scale)[measure]}

        return Turn(subject, run)

    subjects = SUBJECTS[store] if measure.startswith(COMPARED[store]) else (OURS,)
    turns = [turn(subject, loop) for loop in LOOPS for subject in subjects]
    floors = FLOORS.get(f"{store} {measure}", ())
    return Group(dict.fromkeys(names.values(), unit(measure)), turns, floors)


def _pickup(store: str, place: str, scale: Scale) -> Group:
    def run() -> dict[str, float]:
        found = take(SUBJECTS[store][OURS], place, "pickup", "asyncio", scale)
        return {f"{store} {name}": value for name, value in found.items()}

    units = {f"{store} {name}": its for name, its in PICKUP.items()}
    return Group(units, [Turn(OURS, run)])


if __name__ == "__main__":
    main()
