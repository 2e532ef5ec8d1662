"""The shelf of broken drivers: what is on it, and whether the suite catches each.

`python shelf.py` tries all of them with ten seeds, writes docs/broken-drivers.md, and closes with
`N of N broken drivers caught`. `--seeds 1` is quicker; names of flaws try those alone, and write
nothing.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

from goncordia.memory import MemoryDriver
from goncordia_conformance import Verdict, judge
from goncordia_conformance.catalogue import catalogue

HERE = Path(__file__).parent
BROKEN = HERE / "broken"
TABLE = HERE.parent.parent / "docs/broken-drivers.md"
SEEDS = 10
ACCIDENT = re.compile(r"raised (attribute|index|key|name|type)error|to unpack|has no attribute")
"""A flaw that breaks in this way was not found: it was met."""


@dataclass(frozen=True)
class Flaw:
    """One broken driver."""

    name: str
    what: str
    """What is wrong with it, in a sentence."""
    subject: tuple[str, ...]
    """Words of which the suite's message has to have one."""
    blind: str
    """Of those that were written without a look at the suite's rules: hit or missed at first."""
    driver: type[MemoryDriver]

    def judge(self, seed: int, *parts: str, shrink: bool = False) -> Verdict:
        """What these parts of the suite say of it: machine, race, case."""
        return judge(
            self.driver,
            lambda driver: driver.begin(),
            seed=seed,
            machine="machine" in parts,
            races="race" in parts,
            cases="case" in parts,
            shrink=shrink,
        )

    def named(self, verdict: Verdict) -> bool:
        """Whether the verdict is about the flaw, not about a step that happened to come before."""
        told = f"{verdict.by} {findings(verdict.message)}".lower()
        return not ACCIDENT.search(told) and any(word in told for word in self.subject)


def findings(message: str) -> str:
    """A message without the steps that led there."""
    return re.sub(r"^  \d+\. .*$", "", message, flags=re.M)


def names() -> list[str]:
    """All flaws on the shelf."""
    return sorted(path.stem for path in BROKEN.glob("*.py"))


@cache
def load(name: str) -> Flaw:
    """The flaw of the file with that name."""
    spec = spec_from_file_location(f"broken.{name}", BROKEN / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    what = " ".join((module.__doc__ or "").split())
    return Flaw(name, what, module.SUBJECT, getattr(module, "BLIND", ""), module.Broken)


def part_of(verdict: Verdict) -> str:
    """The part of the suite that gave the verdict: machine, race, fault or case."""
    test = verdict.by.partition("[")[0]
    return "machine" if test == "test_machine" else catalogue()[test].part


@dataclass(frozen=True)
class Trial:
    """How a broken driver fared, seed by seed."""

    name: str
    alone: tuple[Verdict, ...]
    """With directed cases switched off."""
    case: Verdict
    """Of the directed cases alone."""

    @property
    def caught(self) -> bool:
        """Whether the suite caught it with every seed."""
        return self.case.caught or self.caught_alone

    @property
    def caught_alone(self) -> bool:
        """Whether machine, races and faults did, with every seed."""
        return all(verdict.caught for verdict in self.alone)

    @property
    def named(self) -> bool:
        """Whether the messages name the flaw's subject."""
        told = [verdict for verdict in self.alone if verdict.caught] or [self.case]
        return all(load(self.name).named(verdict) for verdict in told)


def put_through(name: str, seeds: Sequence[int]) -> Trial:
    """Try a broken driver; the first story is shrunk, for the table."""
    flaw = load(name)
    first = flaw.judge(seeds[0], "machine", "race", shrink=True)
    order = ["machine", "race"] if _test(first) == "test_machine" else ["race", "machine"]
    rest = [_first_caught(flaw, seed, order) for seed in seeds[1:]]
    return Trial(name, (first, *rest), flaw.judge(seeds[0], "case"))


def _first_caught(flaw: Flaw, seed: int, parts: Sequence[str]) -> Verdict:
    """The part that caught it before comes first: it is quicker so."""
    verdicts = [flaw.judge(seed, parts[0])]
    if not verdicts[0].caught:
        verdicts.append(flaw.judge(seed, parts[1]))
    return verdicts[-1]


def table(trials: Sequence[Trial]) -> str:
    """The page of the docs."""
    return "\n".join([*_head(trials), *map(_row, trials), ""])


def _head(trials: Sequence[Trial]) -> Iterator[str]:
    alone = sum(trial.caught_alone for trial in trials)
    blind = Counter(load(trial.name).blind for trial in trials)
    yield "# Broken drivers"
    yield ""
    yield "A suite is worth the broken drivers that it catches. Each of these is the memory driver"
    yield "with one flaw, a few lines in `tests-conformance/tests/broken/`; `make test-broken` puts"
    yield f"them through the suite with {len(trials[0].alone)} seeds and writes this page."
    yield ""
    yield f"**{sum(trial.caught for trial in trials)} of {len(trials)} are caught;"
    yield f"{alone} of them by the state machine, the races and the faults alone**, with every seed"
    yield "and the directed cases switched off."
    yield ""
    yield f"{blind['hit'] + blind['missed']} of them were written from traps and issue trackers"
    yield "before the suite was asked about them, and tried once. They are marked:"
    yield f"{blind['hit']} hits, {blind['missed']} misses. What the misses lacked was added then."
    yield ""
    yield "| flaw | what is wrong | caught by | steps | directed case | seeds |"
    yield "|---|---|---|---|---|---|"


def _row(trial: Trial) -> str:
    flaw = load(trial.name)
    first = next((verdict for verdict in trial.alone if verdict.caught), None)
    mark = f" (blind: {flaw.blind})" if flaw.blind else ""
    by = f"`{_test(first)}`" if first else ""
    steps = str(first.steps) if first and first.steps else ""
    case = f"`{_test(trial.case)}`" if trial.case.caught else ""
    times = sum(verdict.caught for verdict in trial.alone)
    return (
        f"| `{flaw.name}`{mark} | {flaw.what} | {by} | {steps} | {case} "
        f"| {times} of {len(trial.alone)} |"
    )


def _test(verdict: Verdict) -> str:
    return verdict.by.partition("[")[0]


def told(trial: Trial) -> str:
    """A line for the terminal."""
    by = Counter(f"{part_of(v)} {_test(v)}" for v in trial.alone if v.caught)
    parts = [f"{test} x{n}" for test, n in by.items()]
    parts += [f"case {_test(trial.case)}"] if trial.case.caught else []
    verdict = "caught" if trial.caught else "ESCAPED"
    wrong = "" if trial.named else "  (a message does not name the flaw's subject)"
    return f"{verdict:8} {trial.name:32} {', '.join(parts)}{wrong}"


def say(line: str) -> None:
    """Print it at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main(arguments: Sequence[str]) -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("flaws", nargs="*", help="names of flaws; all, if none is given")
    parser.add_argument("--seeds", type=int, default=SEEDS)
    chosen = parser.parse_args(arguments)
    wanted: list[str] = chosen.flaws or names()
    seeds = range(1, chosen.seeds + 1)
    trials: list[Trial] = []
    with ProcessPoolExecutor(os.cpu_count()) as workers:
        for trial in workers.map(put_through, wanted, [seeds] * len(wanted)):
            say(told(trial))
            trials.append(trial)
    if not chosen.flaws:
        TABLE.write_text(table(trials))
    caught = sum(trial.caught and trial.named for trial in trials)
    alone = sum(trial.caught_alone for trial in trials)
    say(f"{alone} of {len(trials)} by the state machine, the races and the faults alone")
    say(f"{caught} of {len(trials)} broken drivers caught")
    return 0 if caught == len(trials) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
