"""Jobs as people and programs read them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from goncordia.cli.times import away
from goncordia.clock import utc_now
from goncordia.jobs import AttemptError, JobRow
from goncordia.lifecycle import ENDED, State
from goncordia.reasons import told


class JobView(msgspec.Struct):
    """A job, as `--json` tells it: what is JSON in the store is so here."""

    id: UUID
    kind: str
    queue: str
    state: State
    priority: int
    attempt: int
    max_attempts: int
    snoozes: int
    run_at: datetime
    created_at: datetime
    attempted_at: datetime | None
    finished_at: datetime | None
    expire_at: datetime | None
    cancel_requested: bool
    session: UUID | None
    version: int
    args: object
    meta: object
    tags: Sequence[str]
    result: object
    errors: Sequence[AttemptError]


def view(row: JobRow) -> JobView:
    """A row for programs."""
    fields: Mapping[str, object] = msgspec.structs.asdict(row)
    read = {name: _json(getattr(row, name)) for name in ("args", "meta", "result")}
    known = JobView.__struct_fields__
    return JobView(**{name: value for name, value in {**fields, **read}.items() if name in known})  # pyright: ignore[reportArgumentType] - fields of the same names and types


def _json(data: bytes | None) -> object:
    """What the bytes say; those that are no JSON are shown as text."""
    if not data:
        return None
    try:
        return msgspec.json.decode(data)
    except msgspec.DecodeError:
        return data.decode("utf-8", "replace")


def table(rows: Sequence[JobRow]) -> Table:
    """Rows for people, a line each."""
    shown = Table("id", "kind", "queue", "state", "attempt", "when", "last error", box=SIMPLE_HEAD)
    now = utc_now()
    for row in rows:
        attempt = f"{row.attempt}/{row.max_attempts}"
        state = f"{row.state}, to be cancelled" if row.cancel_requested else row.state.value
        error = told(row.errors[-1]) if row.errors and row.state is not State.COMPLETED else ""
        cells = (str(row.id), row.kind, row.queue, state, attempt, _when(row, now), error)
        shown.add_row(*(Text(cell) for cell in cells))
    shown.columns[0].no_wrap = shown.columns[-1].no_wrap = True
    return shown


def _when(row: JobRow, now: datetime) -> str:
    """The time that matters in its state."""
    if row.state in ENDED:
        return away(row.finished_at or row.run_at, now)
    if row.state is State.RUNNING:
        return away(row.attempted_at or row.run_at, now)
    return away(row.run_at, now)
