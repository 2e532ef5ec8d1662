"""`make chaos STORE=postgres`: an hour of it, blow after blow; appends what became of each."""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import asdict
from datetime import UTC, datetime
from itertools import cycle
from pathlib import Path
from tempfile import TemporaryDirectory

from chaos.arena import trial
from chaos.blows import BLOWS, STORES

RESULTS = Path(__file__).parents[2] / "bench/results"
LOOPS = ["asyncio", "trio"]


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("store", choices=STORES)
    parser.add_argument("--minutes", type=float, default=60.0, help="for so long; 60")
    parser.add_argument("--each", type=float, default=60.0, help="seconds of one blow; 60")
    parser.add_argument("--only", metavar="BLOW", help="this one alone, again and again")
    parser.add_argument("--seed", type=int, default=1, help="which worker is hit; 1")
    chosen = parser.parse_args()
    until = time.monotonic() + 60 * chosen.minutes
    wrong = 0
    blows = [each for each in BLOWS[STORES[chosen.store]] if chosen.only in (None, each.__name__)]
    if not blows:
        names = ", ".join(each.__name__ for each in BLOWS[STORES[chosen.store]])
        parser.error(f"--only is none of {names}")
    for number, blow in enumerate(cycle(blows)):
        if time.monotonic() > until:
            break
        store, seed = STORES[chosen.store], chosen.seed + number
        with TemporaryDirectory() as folder:
            outcome = trial(
                store, [blow], Path(folder), seconds=chosen.each, seed=seed, loops=LOOPS
            )
        say(str(outcome))
        wrong += len(outcome.complaints)
        line = {**asdict(outcome), "seed": seed, "at": datetime.now(UTC).isoformat()}
        with (RESULTS / f"chaos-{chosen.store}.jsonl").open("a") as results:
            results.write(f"{json.dumps(line)}\n")
    say("nothing lost, nothing done twice" if not wrong else f"{wrong} things are wrong")
    return 1 if wrong else 0


def say(line: str) -> None:
    """Print it at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
