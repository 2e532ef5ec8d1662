"""Looking: jobs, pages, counts, kinds, queues, sessions."""

from __future__ import annotations

import builtins
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Literal
from uuid import UUID

from goncordia.answers import Count, Filter, Page, Queue, QueueChange
from goncordia.clock import from_micros
from goncordia.errors import InvalidArgument
from goncordia.jobs import JobRow
from goncordia.lifecycle import State, visible
from goncordia.memory.line import Line
from goncordia.memory.moment import Moment
from goncordia.memory.record import Record
from goncordia.memory.table import Table
from goncordia.options import check_queue
from goncordia.sessions import Session


def get(table: Table, ids: Sequence[UUID], moment: Moment) -> builtins.list[JobRow | None]:
    """The jobs with these ids."""
    found = [table.rows.get(wanted.int) for wanted in ids]
    return [None if record is None else record.row(moment.at) for record in found]


def page(table: Table, where: Filter, cursor: str | None, limit: int, moment: Moment) -> Page:
    """A page, newest id first; the cursor is the last id shown."""
    if limit < 1:
        raise InvalidArgument(f"limit={limit}: must be at least 1")
    rows: builtins.list[JobRow] = []
    for num in table.roll.newest(before=_position(cursor)):
        job = table.rows.get(num)
        if job is not None and _matches(where, job, moment):
            if len(rows) == limit:
                return Page(rows, rows[-1].id.hex)
            rows.append(job.row(moment.at))
    return Page(rows)


def _matches(where: Filter, job: Record, moment: Moment) -> bool:
    return (
        (not where.states or visible(job.state, job.run_at, moment.at) in where.states)
        and (not where.kinds or job.kind in where.kinds)
        and (not where.queues or job.line.name in where.queues)
        and all(tag in job.tags for tag in where.tags)
    )


def stats(
    table: Table, queues: Sequence[str], how: Literal["exact", "approximate"], moment: Moment
) -> builtins.list[Count]:
    """Counts above zero; approximate ones are rounded up to tens."""
    answer: builtins.list[Count] = []
    for line in sorted(_lines(table, queues), key=_name):
        counts, oldest = _counts(table, line, moment)
        for state, n in counts.items():
            if n:
                told = n if how == "exact" else -(-n // 10) * 10
                since = oldest if state is State.AVAILABLE else None
                answer.append(Count(line.name, state, told, how, since))
    return answer


def kinds(table: Table, limit: int) -> builtins.list[str]:
    """Kinds among the waiting jobs."""
    waiting = {kind for line in table.lines.values() for kind, n in line.kinds.items() if n}
    return sorted(waiting)[:limit]


def queues(table: Table, change: QueueChange | None, moment: Moment) -> builtins.list[Queue]:
    """Pause or resume, then show all."""
    if change is not None:
        line = table.line(check_queue(change.name))
        line.used = True
        if not change.paused:
            line.paused_at = None
            table.listeners.jobs(line.name)
        elif line.paused_at is None:
            line.paused_at = moment.at
    used = sorted((line for line in table.lines.values() if line.used), key=_name)
    return [Queue(line.name, line.paused_at) for line in used]


def sessions(table: Table) -> builtins.list[Session]:
    """Those that live, or hold jobs still."""
    return [lease.shown() for lease in table.leases.values() if lease.alive or lease.claims]


def _name(line: Line) -> str:
    return line.name


def _position(cursor: str | None) -> int | None:
    try:
        return None if cursor is None else UUID(hex=cursor).int
    except ValueError as error:
        raise InvalidArgument(f"cursor={cursor!r}: use the cursor of a page") from error


def _lines(table: Table, queues: Sequence[str]) -> Iterable[Line]:
    if not queues:
        return table.lines.values()
    return [table.lines[queue] for queue in set(queues) if queue in table.lines]


def _counts(
    table: Table, line: Line, moment: Moment
) -> tuple[Mapping[State, int], datetime | None]:
    """The kept counts, unless somebody looks back to before jobs were moved on as due."""
    if moment.micros >= line.horizon:
        line.advance(table.rows, moment.micros)
        at = line.oldest(table.rows, table.hidden())
        return line.counts, None if at is None else _come(from_micros(at), moment)
    jobs = [job for job in table.rows.values() if job.line is line]
    seen = [(visible(job.state, job.run_at, moment.at), job.run_at) for job in jobs]
    dues = [run_at for state, run_at in seen if state is State.AVAILABLE]
    return Counter(state for state, _ in seen), _come(min(dues), moment) if dues else None


def _come(run_at: datetime, moment: Moment) -> datetime | None:
    return run_at if run_at <= moment.at else None
