"""`goncordia watch`: what happens, look after look."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from itertools import count
from signal import Signals
from typing import Annotated, Never

import anyio
from cyclopts import Parameter

from goncordia.cli.asking import ask
from goncordia.cli.faults import complain, reported
from goncordia.cli.parameters import Debug, Json, Url
from goncordia.cli.signals import STOPPING
from goncordia.cli.stats import Queues
from goncordia.cli.watch.look import Look
from goncordia.cli.watch.screen import Show, screen
from goncordia.client import Client
from goncordia.errors import InvalidArgument, Unavailable
from goncordia.options import check_queue

NAME = "watch"
EXAMPLES = """\
Examples:
  goncordia watch --driver sqlite:///jobs.db
  goncordia watch --queue mail --every 5
  goncordia watch --json --frames 60 > minute.jsonl"""

SHORTEST = 0.1

Every = Annotated[float, Parameter(help="Seconds between two looks, at least 0.1.")]
Frames = Annotated[int | None, Parameter(help="End after so many looks.")]


def command(
    *,
    queue: Queues = (),
    every: Every = 1.0,
    frames: Frames = None,
    driver: Url,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Watch queues and workers: depth, age of the oldest due job, rates, failures.

    A screen on a terminal, plain lines elsewhere, a JSON document a line with --json. Ctrl-C ends
    it, which is no error. A store that does not answer for a while is waited for.
    """
    with reported(driver, debug=debug):
        _check(queue, every, frames)
    with screen(json=json) as show:

        async def watch(client: Client[Never]) -> None:
            await _watch(Look(client, queue), show, every, frames, driver)

        ask(driver, watch, debug=debug)


def _check(queues: Sequence[str], every: float, frames: int | None) -> None:
    for name in queues:
        check_queue(name)
    if not every >= SHORTEST:  # nor is it no number
        raise InvalidArgument(f"--every {every}: use {SHORTEST} seconds or more")
    if frames is not None and frames < 1:
        raise InvalidArgument(f"--frames {frames}: use 1 or more")


async def _watch(look: Look, show: Show, every: float, frames: int | None, url: str) -> None:
    with anyio.open_signal_receiver(*STOPPING) as signals:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_end, signals, tasks.cancel_scope)
            for n in count():
                if n:
                    await anyio.sleep(every)
                try:
                    show(await look.frame())
                except Unavailable as error:
                    complain(str(error), [url])
                if n + 1 == frames:
                    break
            tasks.cancel_scope.cancel()


async def _end(signals: AsyncIterator[Signals], scope: anyio.CancelScope) -> None:
    """At the first signal."""
    await anext(signals)
    scope.cancel()
