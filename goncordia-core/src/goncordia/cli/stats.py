"""`goncordia stats`: how many jobs are in which state, and who works."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

import msgspec
from cyclopts import Parameter
from rich.console import Group, RenderableType
from rich.table import Column, Table

from goncordia.answers import Count, Queue
from goncordia.cli import loops
from goncordia.cli.faults import reported
from goncordia.cli.parameters import Debug, Json, Url
from goncordia.cli.tables import show, show_json
from goncordia.client import Client
from goncordia.lifecycle import State
from goncordia.options import check_queue
from goncordia.plugins import open_driver
from goncordia.sessions import Session

NAME = "stats"
EXAMPLES = """\
Examples:
  goncordia stats --driver sqlite:///jobs.db
  goncordia stats --queue mail --queue default
  goncordia stats --json | jq '.queues[] | select(.counts.discarded)'"""

Queues = Annotated[
    tuple[str, ...],
    Parameter(
        name="--queue",
        negative="",
        show_default=False,
        help="Only this queue; may be said several times.",
    ),
]


STATES = [Column(state.value, justify="right") for state in State]


class QueueStats(msgspec.Struct):
    """A queue, as `--json` tells it."""

    name: str
    paused_at: datetime | None
    counts: dict[State, int]
    """All states."""
    approximate: bool
    """The store counts some of them only roughly."""


class WorkerStats(msgspec.Struct):
    """A worker session, as `--json` tells it."""

    name: str
    alive: bool
    queues: tuple[str, ...]
    concurrency: int
    beat_at: datetime


class Stats(msgspec.Struct):
    """All that the command tells."""

    queues: Sequence[QueueStats]
    workers: Sequence[WorkerStats]


def command(*, driver: Url, queue: Queues = (), json: Json = False, debug: Debug = False) -> None:
    """Show how many jobs are in which state, queue by queue, and who works.

    A job whose time has come is available, as workers see it.
    """
    with reported(driver, debug=debug):
        stats = loops.run(lambda: _stats(driver, queue), "asyncio")
    if json:
        show_json(stats)
    else:
        show(_tables(stats))


async def _stats(url: str, names: Sequence[str]) -> Stats:
    for name in names:
        check_queue(name)
    async with open_driver(url) as driver:
        client = Client(driver)
        counts = await client.stats(names)
        queues = await client.queues()  # read last: it knows every queue that was counted
        sessions = await client.sessions()
    wanted = [queue for queue in queues if not names or queue.name in names]
    return Stats([_queue(queue, counts) for queue in wanted], [_worker(s) for s in sessions])


def _queue(queue: Queue, counts: Sequence[Count]) -> QueueStats:
    own = [count for count in counts if count.queue == queue.name]
    numbers = dict.fromkeys(State, 0) | {count.state: count.n for count in own}
    roughly = any(count.how == "approximate" for count in own)
    return QueueStats(queue.name, queue.paused_at, numbers, roughly)


def _worker(session: Session) -> WorkerStats:
    who = session.worker
    return WorkerStats(who.name, session.alive, who.queues, who.concurrency, session.beat_at)


def _tables(stats: Stats) -> RenderableType:
    if not stats.queues and not stats.workers:
        return "No queue was ever used, and nobody works."
    queues = Table("queue", *STATES)
    for queue in stats.queues:
        name = f"{queue.name} (paused)" if queue.paused_at else queue.name
        about = "~" if queue.approximate else ""
        queues.add_row(name, *(f"{about}{n}" if n else "" for n in queue.counts.values()))
    workers = Table("worker", "queues", "at once", "last beat")
    for worker in stats.workers:
        beat = f"{worker.beat_at:%Y-%m-%d %H:%M:%S} UTC"
        workers.add_row(
            worker.name,
            ", ".join(worker.queues),
            str(worker.concurrency),
            beat if worker.alive else f"{beat}, dead: its jobs wait to be rescued",
        )
    return Group(queues, workers) if stats.workers else queues
