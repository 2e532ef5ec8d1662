"""`make bench STORE=...`: goncordia, the bare client and the peers, on one server in one run.

A peer that can't be installed, or fails, is named below the table and leaves a gap in it.
"""

from __future__ import annotations

import argparse
import os
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from operator import itemgetter
from pathlib import Path

import machine
import table
from measure import by_turns
from results import FOLDER, Line, append
from session import Bench, running, say
from stores import STORES

REPEATS = 3


def measured(bench: Bench, only: list[str], subjects: list[str], kept: Path) -> None:
    """Take the measures, print the table, and append to the results."""
    where = machine.description()
    print(f"{bench.store}: {bench.place.server}\non {where}\n{table.head(subjects)}", flush=True)
    for group in bench.groups():
        if only and not any(name.startswith(tuple(only)) for name in group.units):
            continue
        values = by_turns(group, range(1 if bench.quick else REPEATS))
        at = datetime.now(UTC).replace(microsecond=0)
        say("")
        lines = [
            Line(
                bench.store,
                subject,
                measure,
                float(f"{value:.4g}"),
                group.units[measure],
                repeat,
                at,
                where,
            )
            for (measure, subject), found in values.items()
            for repeat, value in enumerate(found, 1)
        ]
        append(kept, lines)
        for measure, its in group.units.items():
            found = {s: v for (m, s), v in values.items() if m == measure}
            if found:
                print(table.row(measure, its, subjects, found), flush=True)


def seconds(bench: Bench) -> Iterator[str]:
    """Where the time of a run went."""
    for what, place in (("measure", 0), ("subject", 1)):
        spent = defaultdict[str, float](float)
        for key, took in bench.spent.items():
            spent[key[place]] += took
        longest = sorted(spent.items(), key=itemgetter(1), reverse=True)
        yield f"seconds by {what}: {', '.join(f'{name} {took:.0f}' for name, took in longest)}"


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description="Measure a store; QUICK=1 is brief.")
    parser.add_argument("store", choices=STORES)
    parser.add_argument("only", nargs="*", help="measures, by the beginning of their names")
    parser.add_argument(
        "--subject", action="append", default=[], help="one of them, again and again"
    )
    parser.add_argument("--results", type=Path, help="the file to append to")
    parser.add_argument("--here", action="store_true", help="in this environment, none is made")
    options = parser.parse_intermixed_args()
    quick = os.environ.get("QUICK", "") not in ("", "0")
    kept = options.results or FOLDER / f"{options.store}.jsonl"
    kept.parent.mkdir(exist_ok=True)
    with suppress(KeyboardInterrupt), running(options.store, quick) as bench:
        subjects = list(bench.subjects(options.subject, options.here))
        measured(bench, options.only, subjects, kept)
        for name, remote in bench.remotes.items():
            print(f"{name}: {remote.settings}")
        for what, why in bench.failures.items():
            print(f"FAILED {what}: {why}")
        print(*seconds(bench), sep="\n")
        if costs := bench.place.costs():
            print(costs)


if __name__ == "__main__":
    main()
