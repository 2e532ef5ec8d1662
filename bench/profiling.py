"""`make bench-profile STORE=...`: where a job's time goes, as a table of microseconds a job.

Wall time of the process is split by looking a thousand times a second at what its main thread runs.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from measure import OURS
from sampler import PARTS
from session import Bench, running
from stores import STORES

WHAT = ("enqueue", "batch 1000", "pool 1", "pool 10", "pool 100")
NAME, CELL = 14, 15


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="Show where a job's time goes.")
    parser.add_argument(
        "store", choices=[s for s, store in STORES.items() if OURS in store.subjects]
    )
    parser.add_argument("--here", action="store_true", help="in this environment, none is made")
    options = parser.parse_args()
    quick = os.environ.get("QUICK", "") not in ("", "0")
    with running(options.store, quick) as bench:
        if not list(bench.subjects([OURS], options.here)):
            sys.exit(bench.failures[OURS])
        print(f"us per job, {options.store}: {bench.place.server}")
        titles = [f"{part:>{CELL}}" for part in (*PARTS, "total", "server cpu")]
        print(f"{'':<{NAME}}", *titles)
        for what in WHAT:
            print(row(bench, what), flush=True)


def row(bench: Bench, what: str) -> str:
    """One measure's line: each part, and its share."""
    cpu: dict[str, float] = {}
    found = bench.remotes[OURS].take(
        f"profile {what}",
        "asyncio",
        bench.scale,
        mark=lambda when: cpu.update({when: server_cpu(bench.place.pid)}),
    )
    figures = found or {}
    jobs = figures.pop("jobs", 1.0)
    total = sum(figures.values()) or 1.0
    cells = [f"{us:.1f} ({us / total:.0%})" for us in figures.values()]
    server = (cpu["end"] - cpu["begin"]) / jobs * 1e6 if bench.place.pid else None
    cells += [f"{total:.1f}", "-" if server is None else f"{server:.1f}"]
    return " ".join([f"{what:<{NAME}}", *(f"{cell:>{CELL}}" for cell in cells)])


def server_cpu(pid: int) -> float:
    """Seconds of processor time of a server's process and its children, ended ones too."""
    if not pid:
        return 0.0
    ticks = 0
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has just ended
        if path.parent.name == str(pid):
            ticks += sum(map(int, fields[11:15]))
        elif fields[1] == str(pid):
            ticks += sum(map(int, fields[11:13]))
    return ticks / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
