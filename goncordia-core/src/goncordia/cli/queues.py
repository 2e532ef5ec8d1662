"""`goncordia queues`: which there are, whether they are paused, what waits, who works on them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Never

import msgspec
from rich.console import RenderableType
from rich.table import Table

from goncordia.answers import Queue
from goncordia.cli.asking import ask
from goncordia.cli.counts import Counts, counted, shown, total
from goncordia.cli.parameters import Debug, Json, Url
from goncordia.cli.tables import show, show_json
from goncordia.client import Client
from goncordia.clock import utc_now
from goncordia.explain import lives
from goncordia.lifecycle import DORMANT, State
from goncordia.reasons import stamp
from goncordia.sessions import Session

NAME = "queues"
EXAMPLES = """\
Examples:
  goncordia queues --driver sqlite:///jobs.db
  goncordia queues --json | jq -r '.[] | select(.workers == 0) | .name'"""


class QueueView(msgspec.Struct):
    """A queue, as `--json` tells it."""

    name: str
    paused_at: datetime | None
    due: int | None
    """Jobs that could run now; null, as with the next two, from a store that does not count."""
    dormant: int | None
    """Jobs whose time has not come."""
    running: int | None
    workers: int
    """Live ones that take its jobs."""
    slots: int
    """How many jobs these run at once, of all their queues."""


def command(*, driver: Url, json: Json = False, debug: Debug = False) -> None:
    """List the queues that were ever used or paused: what waits in them, who works on them."""
    queues = ask(driver, _look, debug=debug)
    if json:
        show_json(queues)
    else:
        show(_table(queues))


async def _look(client: Client[Never]) -> list[QueueView]:
    counts, sessions = await counted(client), await client.sessions()
    queues = await client.queues()  # read last: it knows every queue that was counted
    now = utc_now()
    alive = [session for session in sessions if lives(session, now)]
    return [_view(queue, counts, alive) for queue in queues]


def _view(queue: Queue, counts: Counts | None, alive: Sequence[Session]) -> QueueView:
    takers = [s.worker for s in alive if not s.worker.queues or queue.name in s.worker.queues]
    return QueueView(
        queue.name,
        queue.paused_at,
        total(counts, queue.name, State.AVAILABLE),
        total(counts, queue.name, *DORMANT),
        total(counts, queue.name, State.RUNNING),
        len(takers),
        sum(worker.concurrency for worker in takers),
    )


def _table(queues: Sequence[QueueView]) -> RenderableType:
    if not queues:
        return "No queue was ever used."
    table = Table("queue", "paused", "due", "dormant", "running", "workers", "slots")
    for queue in queues:
        numbers = (queue.due, queue.dormant, queue.running, queue.workers, queue.slots)
        paused = f"since {stamp(queue.paused_at)}" if queue.paused_at else ""
        table.add_row(queue.name, paused, *map(shown, numbers))
    return table
