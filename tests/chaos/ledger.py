"""What the handlers wrote down, read again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from chaos.stores import plain


@dataclass(slots=True)
class Run:
    """One run of a handler; times are the machine's monotonic nanoseconds."""

    job: str
    attempt: int
    begin: int
    end: int | None = None
    """None where its worker was killed meanwhile."""
    how: str | None = None
    """`end`, `fail`, or `stop` where its worker stopped it, which gives its attempt back."""

    @property
    def worked(self) -> bool:
        """Whether it ended well."""
        return self.how == "end"


def runs(path: Path) -> dict[str, list[Run]]:
    """The runs of each job, in the order of their beginnings."""
    found: defaultdict[str, list[Run]] = defaultdict(list)
    for what, job, attempt, at in _lines(path):
        if what == "begin":
            found[plain(job)].append(Run(plain(job), int(attempt), int(at)))
            continue
        run = next(r for r in found[plain(job)] if r.attempt == int(attempt) and r.end is None)
        run.end, run.how = int(at), what
    return found


def at_once(runs: list[Run]) -> list[tuple[Run, Run]]:
    """Pairs of which the second began while the first one ran, as far as it is known."""
    return [(a, b) for a, b in pairwise(runs) if a.end is not None and b.begin < a.end]


def _lines(path: Path) -> Iterator[list[str]]:
    if path.exists():
        for line in path.read_text().splitlines():
            yield line.split()
