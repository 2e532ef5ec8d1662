"""What runs have left in `bench/results`: runs, and medians of their repeats."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path

import msgspec

FOLDER = Path(__file__).parent / "results"
APART = timedelta(minutes=15)
"""Lines that are further apart are of different runs."""


class Line(msgspec.Struct):
    """A line of `STORE.jsonl`: one repeat of one measure."""

    store: str
    subject: str
    measure: str
    value: float
    unit: str
    repeat: int
    at: datetime
    machine: str


Key = tuple[str, str]
"""A measure and a subject."""


class Run(msgspec.Struct):
    """One run's figures."""

    values: dict[Key, list[float]]
    units: dict[str, str]
    at: datetime
    machine: str

    def of(self, measure: str) -> Mapping[str, list[float]]:
        """A measure's repeats, by subject."""
        return {subject: found for (name, subject), found in self.values.items() if name == measure}


def files(folder: Path) -> dict[str, Path]:
    """What `make bench` wrote, by store."""
    others = ("chaos-", "core", "scale-")
    found = {path.stem: path for path in sorted(folder.glob("*.jsonl"))}
    return {stem: path for stem, path in found.items() if not stem.startswith(others)}


def append(path: Path, lines: list[Line]) -> None:
    """Keep them."""
    with path.open("ab") as file:
        for line in lines:
            file.write(msgspec.json.encode(line) + b"\n")


def read(path: Path) -> Iterator[Line]:
    """All lines, the oldest first."""
    if path.exists():
        for text in path.read_bytes().splitlines():
            yield msgspec.json.decode(text, type=Line)


def runs(path: Path) -> list[Run]:
    """The file's runs, the oldest first; a measure that comes again begins another one."""
    found: list[Run] = []
    last: datetime | None = None
    for line in read(path):
        key = (line.measure, line.subject)
        fresh = last is None or line.at - last > APART or line.machine != found[-1].machine
        if fresh or len(found[-1].values.get(key, [])) >= line.repeat:
            found.append(Run({}, {}, line.at, line.machine))
        last = line.at
        run = found[-1]
        run.values.setdefault(key, []).append(line.value)
        run.units[line.measure] = line.unit
    return found


def repeated(found: list[Run]) -> list[Run]:
    """Those that were no quick ones; all, if there are none but quick ones."""
    return [run for run in found if any(len(v) > 1 for v in run.values.values())] or found
