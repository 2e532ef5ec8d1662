"""Several processes on one store: each claims, inserts, counts and leads at once with the others.

Where the author's suite gives no address of the store, as for one that lives in its process, they
are tasks of this process.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from subprocess import PIPE
from typing import cast
from uuid import UUID

import anyio
from anyio.streams.buffered import BufferedByteReceiveStream
from goncordia.answers import Finished
from goncordia.lifecycle import State
from goncordia.plugins import redact

from goncordia_conformance.bench import Bench
from goncordia_conformance.case import case
from goncordia_conformance.loops import LOOPS
from goncordia_conformance.races.crowd import all_running, filled, once, together
from goncordia_conformance.races.phases import PHASES, RAISES, TASKS, Answer

PROCESSES = 3
JOBS = 300
LOST = 40
LONGEST_LINE = 1 << 20

Pairs = list[tuple[str, str]]
Ask = Callable[[str, str], Awaitable[Answer]]
"""Lets a process do a phase: its name, and its argument."""


@asynccontextmanager
async def processes(bench: Bench) -> AsyncGenerator[Sequence[Ask]]:
    """So many processes with the same store open, ready to be told."""
    url = bench.subject.url(bench.driver)
    if url is None:

        async def here(name: str, argument: str) -> Answer:
            return await PHASES[name](bench, argument)

        yield [here] * PROCESSES
        return
    async with AsyncExitStack() as stack:
        started = [
            await stack.enter_async_context(_process(bench, url, LOOPS[number % len(LOOPS)]))
            for number in range(PROCESSES)
        ]
        for ask in started:
            await ask("", "")
        yield started


@asynccontextmanager
async def _process(bench: Bench, url: str, loop: str) -> AsyncGenerator[Ask]:
    module = "goncordia_conformance.races.phases"
    command = [sys.executable, "-m", module, url, bench.now.isoformat(), loop]
    async with await anyio.open_process(command, stdin=PIPE, stdout=PIPE, stderr=None) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        stdin, lines = child.stdin, BufferedByteReceiveStream(child.stdout)

        async def ask(name: str, argument: str) -> Answer:
            if name:
                await stdin.send(f"{name} {argument}\n".encode())
            try:
                line = await lines.receive_until(b"\n", LONGEST_LINE)
            except anyio.IncompleteRead as error:
                raise AssertionError(
                    f"a process that opened {redact(url)} ended; its error stands above"
                ) from error
            return cast("Answer", json.loads(line))

        yield ask
        await stdin.aclose()


async def all_of(told: Sequence[Ask], name: str, argument: str) -> list[Answer]:
    """Let all of them do it at once."""
    answers: list[Answer] = []

    async def one(ask: Ask) -> None:
        answers.append(await ask(name, argument))

    await together([partial(one, ask) for ask in told])
    return answers


@case("exclusive_claim=strict", part="race")
async def share_one_store_without_harm(bench: Bench) -> None:
    """Processes that claim, count, insert and lead at once: nothing happens twice."""
    jobs = await filled(bench, JOBS)
    async with processes(bench) as told:
        bench.figures["processes"] = 1 if bench.subject.url(bench.driver) is None else len(told)
        await _claimed(told, len(jobs))
        await _counted(bench, told)
        if bench.promised.unique:
            await _unique(told)
        await _led(bench, told)


async def _claimed(told: Sequence[Ask], n: int) -> None:
    worked = await all_of(told, "claim", "default")
    claimed = [one for ids, _ in worked for one in cast("list[str]", ids)]
    once("claim by several processes gave", map(UUID, claimed))
    assert len(claimed) == n, f"claim: of {n} jobs {len(claimed)} came"
    answers = {answer for _, said in worked for answer in cast("list[str]", said)}
    assert answers == {Finished.DONE}, f"finish answers its holders {answers}"


async def _counted(bench: Bench, told: Sequence[Ask]) -> None:
    won = sum(cast("int", n) for [n] in await all_of(told, "count", "raised"))
    answer = await bench.driver.compare_and_set("raised", b"no", b"no", now=bench.told)
    wanted = len(told) * TASKS * RAISES
    assert (won, answer.current) == (wanted, b"%d" % wanted), (
        f"compare_and_set: {won} of {wanted} won, and the count is {answer.current!r}"
    )


async def _led(bench: Bench, told: Sequence[Ask]) -> None:
    worker, lost = await all_running(bench, LOST)
    await worker.leave()
    taken = sum(cast("int", n) for [n] in await all_of(told, "lead", "-"))
    assert taken == LOST, f"rescue by several processes counts {taken}, and {LOST} were lost"
    for row in await bench.driver.get([job.id for job in lost], now=bench.told):
        assert row is not None
        assert (row.state, len(row.errors)) == (State.RETRYABLE, 1), (
            f"rescue by several processes: {row.state} with {len(row.errors)} errors"
        )


async def _unique(told: Sequence[Ask]) -> None:
    for number in range(4):
        answers = await all_of(told, "insert", f"key{number}")
        made = Counter(status for pairs in answers for _, status in cast("Pairs", pairs))
        wanted = {"created": 1, "skipped": 2 * TASKS * len(told) - 1}
        assert made == wanted, f"unique: inserts of one key are answered {dict(made)}"
