"""One trial: workers and a producer at work, something befalls them, and then all must be well."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from chaos import ledger
from chaos.crew import Crew
from chaos.stores import Found, Store

TESTS = Path(__file__).parents[1]

PATIENCE = 120.0
"""Seconds in which all must be well again."""
PAUSE = 0.5
"""Seconds between two blows."""
LOOK = 0.05
"""Seconds between two looks."""


@dataclass
class Arena:
    """What a blow can reach."""

    store: Store
    crew: Crew
    chance: random.Random

    def pause(self, seconds: float) -> None:
        """Let things happen."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self.crew.tend()
            time.sleep(min(left, LOOK))


Blow = Callable[[Arena], None]


@dataclass(frozen=True)
class Outcome:
    """What became of it."""

    blows: dict[str, int]
    """How often each fell."""
    recovery: dict[str, float]
    """Seconds from the last of each until ten jobs that were enqueued after it are done."""
    orders: int
    runs: int
    again: int
    """Runs beyond one a job and the failures on purpose: what the blows cost."""
    overlaps: int
    """Runs of a job that began while another one ran: a frozen worker's alone may."""
    deserters: list[str]
    """What the workers said last that ended by themselves."""
    complaints: list[str] = field(default_factory=list)
    """What is wrong: nothing, if all is well."""

    def __str__(self) -> str:
        """For people, a line for each blow and one for all."""
        lines = [
            f"{name:24} {number:4} times, well again after {self.recovery[name]:5.1f} s"
            for name, number in self.blows.items()
        ]
        total = f"{self.orders} orders, {self.runs} runs, {self.again} of them again"
        return "\n".join([*lines, total, *(f"  WRONG: {each}" for each in self.complaints)])


def trial(
    kind: type[Store],
    blows: Sequence[Blow],
    folder: Path,
    *,
    seconds: float,
    seed: int,
    loops: list[str],
) -> Outcome:
    """Let each befall a store, its workers and a producer for so long; what became of it."""
    fell: dict[str, int] = {}
    recovery: dict[str, float] = {}
    with kind.made(folder) as store, Crew(store.url, folder, 2, loops) as crew:
        arena = Arena(store, crew, random.Random(seed))
        with producer(kind, store.url, folder):
            for blow in blows:
                _until(lambda: crew.ready, arena, "the workers have begun")
                fell[blow.__name__], struck = _strike(blow, arena, seconds), time.monotonic()
                last = max(store.find().orders, default=0)
                _until(partial(_beyond, store, last), arena, "jobs are done again")
                recovery[blow.__name__] = round(time.monotonic() - struck, 2)
        _until(lambda: store.unfinished() == 0, arena, "every job has ended")
        codes = crew.dismiss()
        return _outcome(fell, recovery, crew, store.find(), codes)


def _strike(blow: Blow, arena: Arena, seconds: float) -> int:
    number, until = 0, time.monotonic() + seconds
    while number == 0 or time.monotonic() < until:
        blow(arena)
        number += 1
        arena.pause(PAUSE)
    return number


@contextmanager
def producer(kind: type[Store], url: str, folder: Path) -> Generator[None]:
    """Orders come in meanwhile."""
    command = [sys.executable, "-m", "chaos.producer", kind.name, url]
    with (folder / "producer.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=TESTS, stdin=subprocess.PIPE, stderr=log)
    try:
        yield
        process.communicate(timeout=PATIENCE)
    finally:
        process.kill()
        process.wait()


def _until(done: Callable[[], bool], arena: Arena, what: str) -> None:
    until = time.monotonic() + PATIENCE
    while not done():
        if time.monotonic() > until:
            raise AssertionError(f"not within {PATIENCE:.0f} s: {what}\n{arena.crew.log}")
        arena.pause(LOOK)


def _beyond(store: Store, last: int) -> bool:
    jobs = store.find().jobs
    return sum(order > last and state == "completed" for _, _, order, state, _ in jobs) > 10


def _outcome(
    blows: dict[str, int], recovery: dict[str, float], crew: Crew, found: Found, codes: list[int]
) -> Outcome:
    runs = ledger.runs(crew.ledger)
    total = sum(map(len, runs.values()))
    failed = sum(run.how == "fail" for each in runs.values() for run in each)
    return Outcome(
        blows=blows,
        recovery=recovery,
        orders=len(found.orders),
        runs=total,
        again=total - failed - len(runs),
        overlaps=sum(len(ledger.at_once(each)) for each in runs.values()),
        deserters=crew.last_words,
        complaints=[*_complaints(found, runs), *(f"a worker exits with {c}" for c in codes if c)],
    )


def _complaints(found: Found, runs: dict[str, list[ledger.Run]]) -> Iterator[str]:
    wanted = {(order, kind) for order in found.orders for kind in ("ship", "bill")}
    there = [(order, kind) for _, kind, order, _, _ in found.jobs]
    for order, kind in wanted - {*there}:
        yield f"order {order} was committed without its {kind}"
    for order, kind in {*there} - wanted:
        yield f"{kind} of order {order}, which is not there"
    if len(there) != len({*there}):
        yield f"{len(there) - len({*there})} jobs too many"
    for job, kind, order, state, attempt in found.jobs:
        name, mine = f"{kind} of order {order}", runs.get(job, [])
        counted = [run for run in mine if run.how != "stop"]
        if state != "completed":
            yield f"{name} is {state}"
        if found.completions[job] != 1:
            yield f"{name} was completed {found.completions[job]} times"
        if not any(run.worked for run in mine):
            yield f"{name} is completed, and no run of it ended well"
        if len(counted) != len({run.attempt for run in counted}):
            yield f"{name}: two runs of one attempt"
        if len(counted) > attempt:
            yield f"{name}: {len(counted)} runs in {attempt} attempts"
