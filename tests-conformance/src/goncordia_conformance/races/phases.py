"""What each process of a race does when it is told to; also run as such a process.

`python -m goncordia_conformance.races.phases URL NOW LOOP` opens the driver of the URL, says ready,
and does the phases whose names and arguments come in lines, each answered by a line of JSON.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from functools import partial

import anyio
from goncordia.driver import Driver
from goncordia.ids import uuid7
from goncordia.jobs import completed
from goncordia.plugins import open_driver

from goncordia_conformance.bench import Bench, key
from goncordia_conformance.races.crowd import TRIES, inserted, sent, together
from goncordia_conformance.subject import Handle, Subject

TASKS = 4
RAISES = 5

Answer = Sequence[object]
Phase = Callable[[Bench, str], Awaitable[Answer]]


async def claim(bench: Bench, queue: str) -> Answer:
    """Claim and finish until nothing is left: the ids, and what finish answered."""
    claimed: list[str] = []
    answers: set[str] = set()

    async def work() -> None:
        worker = await bench.worker()
        hungry = 0
        while hungry < 3:
            again = partial(worker.claim, 7, queue, token=uuid7(), resend=True)
            claims = await sent(again)
            claimed.extend(job.id.hex for job in claims.jobs)
            hungry = 0 if claims.jobs or claims.more else hungry + 1
            if claims.jobs:
                outcomes = [completed(job) for job in claims.jobs]
                answers.update(await sent(partial(bench.finish, *outcomes)))

    await together([work] * TASKS)
    return [claimed, sorted(answers)]


async def insert(bench: Bench, name: str) -> Answer:
    """Insert jobs of one unique key: the ids, and how each was answered."""
    jobs = [bench.new(queue="unique", unique=key(name)) for _ in range(2 * TASKS)]
    answers = await inserted(bench, jobs)
    return [[one.hex, status] for one, (status, _) in answers.items()]


async def count(bench: Bench, name: str) -> Answer:
    """Raise a number some times: how often that was won."""
    won = 0

    async def work() -> None:
        nonlocal won
        current: bytes | None = None
        mine = tries = 0
        while mine < RAISES and tries < TRIES:
            value = b"%d" % (int(current or b"0") + 1)
            answer = await sent(
                partial(bench.driver.compare_and_set, name, current, value, now=bench.told)
            )
            current = answer.current
            mine, tries, won = mine + answer.won, tries + 1, won + answer.won

    await together([work] * TASKS)
    return [won]


async def lead(bench: Bench, whom: str) -> Answer:
    """Take back what the dead hold, a few at a time: how many."""
    taken = 0
    for _ in range(TRIES):
        progress = await sent(partial(bench.driver.rescue, 5, now=bench.told))
        taken += progress.n
        if not progress.more:
            break
    return [taken]


PHASES: Mapping[str, Phase] = {f.__name__: f for f in (claim, insert, count, lead)}


async def serve(url: str, now: str) -> None:
    """Be told, until the lines end."""
    driver: Driver[Handle]
    async with open_driver(url) as driver:
        bench = Bench(driver, Subject(lambda: open_driver(url)))
        bench.now = datetime.fromisoformat(now)
        _say(["ready"])
        while line := await anyio.to_thread.run_sync(sys.stdin.readline):
            name, argument = line.split()
            _say(await PHASES[name](bench, argument))


def _say(answer: Answer) -> None:
    sys.stdout.write(f"{json.dumps(answer)}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    anyio.run(serve, sys.argv[1], sys.argv[2], backend=sys.argv[3])
