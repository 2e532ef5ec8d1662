"""`make bench-compare`: the last two runs of each store, by their ratios.

Times differ from day to day, and so do machines; how much of raw's speed goncordia has differs only
if the code does. So ratios are compared, and only of one machine. Never fails for a figure.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence

import results
import table
from measures import RATE

TOLERATED = 0.15
"""A change of a ratio that a quiet machine shows too, at least."""


def main() -> None:
    """Print what changed, and by how much."""
    parser = argparse.ArgumentParser(description="Compare the last two runs of each store.")
    parser.add_argument("store", nargs="*", help="some of them")
    options = parser.parse_args()
    for store, path in results.files(results.FOLDER).items():
        if options.store and store not in options.store:
            continue
        pair = last_two(results.repeated(results.runs(path)))
        if pair is None:
            print(f"{store}: there are no two runs on one machine")
            continue
        before, now = pair
        print(f"{store}: {before.at:%Y-%m-%d %H:%M} and {now.at:%Y-%m-%d %H:%M}")
        print(*changes(before, now), sep="\n")


def last_two(runs: Sequence[results.Run]) -> tuple[results.Run, results.Run] | None:
    """The last run, and the last one before it on the same machine."""
    for before in reversed(runs[:-1]):
        if before.machine == runs[-1].machine:
            return before, runs[-1]
    return None


def changes(before: results.Run, now: results.Run) -> Iterator[str]:
    """A line for each ratio that both runs have."""
    for measure, unit in now.units.items():
        olds, news = before.of(measure), now.of(measure)
        noise = max(TOLERATED, _noise(olds), _noise(news))
        for name, old, new in (
            ("raw", table.against_raw(olds), table.against_raw(news)),
            ("best peer", table.against_best(olds, unit), table.against_best(news, unit)),
        ):
            if old and new:
                text = verdict(new / old if unit == RATE else old / new, noise)
                yield f"{measure:<28} of {name:<10} {old:6.2f}x {new:6.2f}x  {text}"


def verdict(better: float, noise: float) -> str:
    """Of a ratio of ratios, above one if it improved."""
    if better < 1 - noise:
        return f"WORSE by {1 - better:.0%}"
    return f"better by {better - 1:.0%}" if better > 1 + noise else "same"


def _noise(found: Mapping[str, list[float]]) -> float:
    return max((table.spread(values) for values in found.values()), default=0.0)


if __name__ == "__main__":
    main()
