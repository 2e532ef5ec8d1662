"""`make bench-plot`: the last run of each store, as pictures in `bench/plots/`.

Bars with their spreads, a claim's cost against the backlog, and how long a pick-up takes. What is
drawn is decided here; `draw.py` draws it, in an environment of its own.
"""

from __future__ import annotations

import argparse
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median

import environments
import msgspec
import results

FOLDER = Path(__file__).parent / "plots"
DRAW = Path(__file__).parent / "draw.py"
REQUIRES = ("matplotlib==3.11.2",)

RATES = ("pool 1", "pool 10", "pool 100", "batch 100", "batch 1000")
TIMES = ("enqueue", "enqueue tx")
SHARES = ("pickup p10", "pickup p50", "pickup p90", "pickup p99")
BACKLOG = re.compile(r"claim 100 at (\d+)k (queued|finished)")


class Bar(msgspec.Struct):
    """A median with its least and most."""

    middle: float
    least: float
    most: float


class Chart(msgspec.Struct):
    """One picture: groups of bars, or lines over a logarithmic axis."""

    name: str
    title: str
    unit: str
    labels: list[str]
    series: dict[str, list[Bar | None]]
    lines: bool = False
    log: float = 0
    """Where a logarithmic axis begins; 0 for a linear one."""


def charts(store: str, run: results.Run) -> Iterator[Chart]:
    """What a run has to show; a chart without figures is left out."""
    when = f"{store}, {run.at:%Y-%m-%d}, {run.machine}"
    for chart in (
        _bars(run, f"{store}-rates", f"Jobs a second (more is better)\n{when}", RATES, log=10),
        _bars(run, f"{store}-enqueue", f"One enqueue (less is better)\n{when}", TIMES),
        _bars(
            run,
            f"{store}-pickup",
            f"From enqueue to start, idle worker: so many took no longer\n{when}",
            SHARES,
            lines=True,
            log=0.1,
        ),
        _backlog(run, f"{store}-backlog", f"A claim of 100 against what the table holds\n{when}"),
    ):
        if any(bar for bars in chart.series.values() for bar in bars):
            yield chart


def _bars(
    run: results.Run,
    name: str,
    title: str,
    measures: Sequence[str],
    lines: bool = False,
    log: float = 0,
) -> Chart:
    measures = [measure for measure in measures if measure in run.units]
    unit = run.units[measures[0]] if measures else ""
    found = {subject: [_bar(run, m, subject) for m in measures] for subject in _subjects(run)}
    return Chart(name, title, unit, measures, _with_any(found), lines, log)


def _backlog(run: results.Run, name: str, title: str) -> Chart:
    matched = {measure: BACKLOG.fullmatch(measure) for measure in run.units}
    sizes = sorted({int(m[1]) for m in matched.values() if m})
    found = {
        f"{subject}, {kind}": [_bar(run, f"claim 100 at {n}k {kind}", subject) for n in sizes]
        for subject in _subjects(run)
        for kind in ("queued", "finished")
    }
    return Chart(name, title, "us", [f"{n}k" for n in sizes], _with_any(found), lines=True)


def _subjects(run: results.Run) -> list[str]:
    return list(dict.fromkeys(subject for _, subject in run.values))


def _bar(run: results.Run, measure: str, subject: str) -> Bar | None:
    values = run.values.get((measure, subject))
    return Bar(median(values), min(values), max(values)) if values else None


def _with_any(found: Mapping[str, list[Bar | None]]) -> dict[str, list[Bar | None]]:
    return {name: bars for name, bars in found.items() if any(bars)}


def main() -> None:
    """Draw them."""
    parser = argparse.ArgumentParser(description="Draw the last runs.")
    parser.add_argument("--results", type=Path, default=results.FOLDER, help="where the runs are")
    parser.add_argument("--plots", type=Path, default=FOLDER, help="where the pictures go")
    options = parser.parse_args()
    wanted: list[Chart] = []
    for store, path in results.files(options.results).items():
        if runs := results.repeated(results.runs(path)):
            wanted += charts(store, runs[-1])
    python = environments.python("plot", REQUIRES)
    options.plots.mkdir(exist_ok=True)
    asked = msgspec.json.encode(wanted)
    subprocess.run([python, DRAW, options.plots], input=asked, check=True)
    print(*(f"{options.plots}/{chart.name}.svg, .png" for chart in wanted), sep="\n")


if __name__ == "__main__":
    main()
