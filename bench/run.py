"""`make bench STORE=...`: goncordia, the bare client and the peers, on one server in one run.

A peer that can't be installed, or fails, is named below the table and leaves a gap in it.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import machine
import table
from environments import NotMade, python
from measure import OURS, RAW, Group, Turn, by_turns
from measures import OBSERVED, PICKUP, RATES, Scale, unit
from remote import Failed, Remote
from results import FOLDER, Line, append
from stores import STORES, Entry, Place

HERE = Path(__file__).parent
FULL, QUICK = Scale(5000, 0.7), Scale(400, 0.15, claims=3)
REPEATS, BACKLOGS = 3, (10_000, 1_000_000)
LEFT_OUT = ("batch 100", "pool 1", "pool 1 wait 5ms", "pool 10 wait 5ms")
"""By a quick run, which repeats nothing and takes these measures of asyncio alone."""
ON_OTHER_LOOPS = ("enqueue", "pool 10", "pool 100")
"""Measured on trio and uvloop too, by those who run there."""
STOCKS = {"queued": (1, 0), "finished": (0, 1)}


@dataclass
class Bench:
    """One run over a store's subjects."""

    store: str
    place: Place
    quick: bool
    log: Path
    remotes: dict[str, Remote] = field(default_factory=dict[str, Remote])
    failures: dict[str, str] = field(default_factory=dict[str, str])
    """Of a subject, or of it and a measure, and why."""
    gaps: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])
    """What a subject does not have."""

    @property
    def entries(self) -> Mapping[str, Entry]:
        """The store's subjects, whether they can be had or not."""
        return STORES[self.store].subjects

    @property
    def scale(self) -> Scale:
        """How much of everything."""
        return QUICK if self.quick else FULL

    def subjects(self, only: list[str], here: bool) -> Iterator[str]:
        """Install them; those that can be had."""
        for name, entry in self.entries.items():
            if only and name not in only:
                continue
            try:
                made = None if here else python(entry.environment, entry.requires)
            except NotMade as error:
                self.failures[name] = f"not installed: {error}"
                continue
            interpreter = made or Path(sys.executable)
            self.remotes[name] = Remote(interpreter, entry.module, self.place.url(name), self.log)
            yield name

    def groups(self) -> Iterator[Group]:
        """All measures, in the order of the table."""
        for measure in RATES:
            if not (self.quick and measure in LEFT_OUT):
                yield self._rate(measure, "asyncio", "")
        units = dict(PICKUP)
        yield Group(units, [self._turn(name, "pickup", "asyncio", units) for name in self.remotes])
        for loop in () if self.quick else ("uvloop", "trio"):
            for measure in ON_OTHER_LOOPS:
                yield self._rate(measure, loop, f" {loop}")
        yield Group(
            OBSERVED, [Turn(n, self._observe(n)) for n in self.remotes if self._is_in(n, "")]
        )
        for kind, share in STOCKS.items():
            for size in BACKLOGS[:1] if self.quick else BACKLOGS:
                yield self._claim(kind, (share[0] * size, share[1] * size), size)

    def _rate(self, measure: str, loop: str, suffix: str) -> Group:
        units = {measure + suffix: unit(measure)}
        names = [n for n in self.remotes if loop in self.entries[n].loops]
        names = [n for n in names if self._is_in(n, measure)]
        return Group(units, [self._turn(n, measure, loop, units) for n in names])

    def _claim(self, kind: str, stock: tuple[int, int], size: int) -> Group:
        name = f"claim 100 at {size // 1000}k {kind}"
        units = {name: unit("claim")}
        subjects = [n for n in self.remotes if n in (OURS, RAW) and self._is_in(n, "claim")]
        return Group(units, [self._turn(n, name, "asyncio", units, stock) for n in subjects])

    def _is_in(self, subject: str, measure: str) -> bool:
        return measure.startswith(self.entries[subject].only)

    def _turn(
        self,
        subject: str,
        measure: str,
        loop: str,
        units: Mapping[str, str],
        stock: tuple[int, int] | None = None,
    ) -> Turn:
        stocked = iter([stock])

        def take() -> dict[str, float]:
            taken = self.remotes[subject].take(measure, loop, self.scale, next(stocked, None))
            if taken is None:
                self.gaps.add((subject, measure))
                return {}
            return dict(zip(units, taken.values(), strict=True))

        return Turn(subject, lambda: self._tried(subject, measure, take))

    def _observe(self, subject: str) -> Callable[[], dict[str, float]]:
        def take() -> dict[str, float]:
            self.remotes[subject].close()  # a process that has grown by nothing else
            seen: dict[str, int] = {}
            with self.place.counting(subject) as count:
                taken = self.remotes[subject].take(
                    "observed",
                    "asyncio",
                    self.scale,
                    mark=lambda what: seen.update({what: count()} if count else {}),
                )
            self.remotes[subject].close()
            return observed(taken or {}, seen)

        return lambda: self._tried(subject, "observed", take)

    def _tried(
        self, subject: str, measure: str, take: Callable[[], dict[str, float]]
    ) -> dict[str, float]:
        if f"{subject}, {measure}" in self.failures or (subject, measure) in self.gaps:
            return {}
        say(f"{measure}: {subject}")
        try:
            return take()
        except Failed as error:
            self.failures[f"{subject}, {measure}"] = str(error)
            return {}


def observed(taken: Mapping[str, float], seen: Mapping[str, int]) -> dict[str, float]:
    """What the subject told, and what the server counted meanwhile."""
    figures = {name: taken[name] for name in OBSERVED if name in taken}
    if seen and taken.get("jobs"):
        figures["queries per job"] = (seen["jobs end"] - seen["jobs begin"]) / taken["jobs"]
        figures["idle queries"] = (seen["idle ends"] - seen["idle begins"]) / taken["idle seconds"]
    return figures


def say(what: str) -> None:
    """Progress, on a terminal."""
    if sys.stderr.isatty():
        print(f"\r\033[K{what} ...", end="", file=sys.stderr, flush=True)


@contextmanager
def running(store: str, quick: bool) -> Generator[Bench]:
    """A bench whose server runs; its subjects' processes end with the block."""
    log = HERE.parent / ".bench" / f"{store}.log"
    log.parent.mkdir(exist_ok=True)
    log.unlink(missing_ok=True)
    with STORES[store].place() as place:
        bench = Bench(store, place, quick, log)
        try:
            yield bench
        finally:
            for remote in bench.remotes.values():
                remote.close()


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


if __name__ == "__main__":
    main()
