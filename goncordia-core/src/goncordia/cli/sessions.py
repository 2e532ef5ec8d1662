"""`goncordia sessions`: the workers, and what each can do."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Never
from uuid import UUID

import msgspec
from rich.console import RenderableType
from rich.table import Table

from goncordia.cli.asking import ask
from goncordia.cli.parameters import Debug, Json, Url
from goncordia.cli.tables import show, show_json
from goncordia.cli.times import away
from goncordia.client import Client
from goncordia.clock import utc_now
from goncordia.explain import lives
from goncordia.reasons import stamp
from goncordia.sessions import Session

NAME = "sessions"
EXAMPLES = """\
Examples:
  goncordia sessions --driver sqlite:///jobs.db
  goncordia sessions --json | jq '.[] | select(.alive | not)'"""


class SessionView(msgspec.Struct):
    """A session, as `--json` tells it."""

    id: UUID
    worker: str
    alive: bool
    silent: bool
    """It has not beaten for its time to live, by this machine's clock: presumably it is dead."""
    queues: Sequence[str]
    kinds: Sequence[str]
    concurrency: int
    ttl: float
    """Seconds of silence after which its jobs go to others."""
    joined_at: datetime
    beat_at: datetime


def command(*, driver: Url, json: Json = False, debug: Debug = False) -> None:
    """List the sessions of workers: those that live, and dead ones that still hold jobs."""
    sessions = ask(driver, _look, debug=debug)
    if json:
        show_json(sessions)
    else:
        show(_table(sessions))


async def _look(client: Client[Never]) -> list[SessionView]:
    return [_view(session, utc_now()) for session in await client.sessions()]


def _view(session: Session, now: datetime) -> SessionView:
    who = session.worker
    return SessionView(
        session.id,
        who.name,
        session.alive,
        session.alive and not lives(session, now),
        who.queues,
        who.kinds,
        who.concurrency,
        session.ttl.total_seconds(),
        session.joined_at,
        session.beat_at,
    )


def _table(sessions: Sequence[SessionView]) -> RenderableType:
    if not sessions:
        return "Nobody works."
    table, now = (
        Table("worker", "session", "state", "queues", "kinds", "at once", "joined"),
        utc_now(),
    )
    for session in sessions:
        state = "alive" if session.alive else "dead: its jobs wait to be rescued"
        if session.silent:
            state = f"silent, last beat {away(session.beat_at, now)}"
        table.add_row(
            session.worker,
            str(session.id),
            state,
            ", ".join(session.queues),
            ", ".join(session.kinds),
            str(session.concurrency),
            stamp(session.joined_at),
        )
    return table
