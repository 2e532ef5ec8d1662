"""The correct driver, seed after seed: a suite that fails it once is no judge.

`python soak.py` judges memory by the whole suite with fifty seeds on both event loops, and keeps
what came out in results/memory.json. `--seeds 5` is quicker, and keeps nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter

from goncordia.memory import MemoryDriver
from goncordia_conformance import Verdict, judge
from goncordia_conformance.loops import LOOPS
from goncordia_conformance.search import PROFILES

RESULT = Path(__file__).parent.parent / "results/memory.json"
SEEDS = 50


def put_through(seed: int) -> Verdict:
    """The whole suite, on both loops."""
    return judge(MemoryDriver, lambda driver: driver.begin(), seed=seed, loops=LOOPS)


def main(arguments: Sequence[str]) -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seeds", type=int, default=SEEDS)
    wanted: int = parser.parse_args(arguments).seeds
    began = perf_counter()
    failed: list[Verdict] = []
    with ProcessPoolExecutor(os.cpu_count()) as workers:
        for verdict in workers.map(put_through, range(1, wanted + 1)):
            if verdict.caught:
                sys.stdout.write(f"seed {verdict.seed}: {verdict.by}\n{verdict.message}\n")
                failed.append(verdict)
    profile = PROFILES["quick"]
    result = {
        "driver": "memory",
        "seeds": wanted,
        "loops": list(LOOPS),
        "profile": {"examples": profile.examples, "steps": profile.steps},
        "failed": [verdict.seed for verdict in failed],
        "python": sys.version.split()[0],
        "seconds": round(perf_counter() - began),
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    if wanted >= SEEDS:
        RESULT.parent.mkdir(exist_ok=True)
        RESULT.write_text(json.dumps(result, indent=2) + "\n")
    sys.stdout.write(f"{wanted - len(failed)} of {wanted} seeds passed\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
