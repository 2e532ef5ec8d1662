"""Looking: jobs, pages, counts, kinds, queues; and values under keys, set by comparison."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import cast
from uuid import UUID

from goncordia.answers import Cas, Count, Filter, Page, Queue, QueueChange
from goncordia.errors import InvalidArgument
from goncordia.jobs import JobRow
from goncordia.options import check_queue
from goncordia.statements import Op, Row, Statement, Value, ask
from goncordia.statements import change as run

from goncordia_postgres import questions as sql
from goncordia_postgres import rows
from goncordia_postgres.env import MICROSECOND, Env
from goncordia_postgres.statements import STATES


def get(env: Env, ids: Sequence[UUID]) -> Op[list[JobRow | None]]:
    """The jobs with these ids."""
    found = yield from ask(sql.GET, (list(ids), env.now), rows.job)
    by_id = {job.id: job for job in found}
    return [by_id.get(each) for each in ids]


def page(env: Env, where: Filter, cursor: str | None, limit: int) -> Op[Page]:
    """A page, newest id first; the cursor is the last id shown."""
    if limit < 1:
        raise InvalidArgument(f"limit={limit}: use 1 or more")
    params: list[Value] = [limit + 1, env.now, None if cursor is None else position(cursor)]
    text = sql.PAGE.format(_conditions(where, params))
    found = yield from ask(text, params, rows.job)
    return Page(found[:limit], found[limit - 1].id.hex if len(found) > limit else None)


def position(cursor: str) -> UUID:
    """The id after which a page begins; raises `InvalidArgument` for what is no cursor."""
    try:
        return UUID(hex=cursor)
    except ValueError as error:
        raise InvalidArgument(f"cursor={cursor!r}: use the cursor of a page") from error


def stats(env: Env, queues: Sequence[str]) -> Op[list[Count]]:
    """Counts above zero."""
    reply = yield Statement(sql.STATS, (list(queues) or None, env.now))
    told = sorted(cast("list[tuple[str, int, int, datetime | None]]", reply.rows), key=_place)
    return [Count(queue, STATES[state], n, oldest=at) for queue, state, n, at in told]


def _place(row: tuple[str, int, int, datetime | None]) -> tuple[str, int]:
    return row[:2]


def kinds(env: Env, limit: int) -> Op[list[str]]:
    """Kinds among the waiting jobs."""
    return (yield from ask(sql.KINDS, (limit,), lambda row: cast("str", row[0])))


def queues(env: Env, change: QueueChange | None) -> Op[list[Queue]]:
    """Pause or resume, then show all."""
    if change is not None:
        name = check_queue(change.name)
        if change.paused:
            yield from run(sql.PAUSE, (name, env.now))
        else:
            yield from run(sql.RESUME, (name,))
            env.tell_late(name)
    return (yield from ask(sql.QUEUES, (), _queue))


def compare_and_set(
    env: Env, key: str, expected: bytes | None, value: bytes | None, ttl: timedelta | None
) -> Op[Cas]:
    """Set the key if it holds what is expected."""
    span = None if ttl is None else ttl // MICROSECOND
    if expected is None and value is not None:
        changed = yield from run(sql.SET_NEW, (key, value, span, env.now))
    elif expected is not None and value is not None:
        changed = yield from run(sql.REPLACE_VALUE, (key, value, span, env.now, expected))
    elif expected is not None:
        changed = yield from run(sql.UNSET_VALUE, (key, expected, env.now))
    else:
        changed = 0
    if changed:
        return Cas(won=True, current=value)
    reply = yield Statement(sql.VALUE, (key, env.now))
    current = cast("bytes", reply.rows[0][0]) if reply.rows else None
    return Cas(won=expected is None and value is None and current is None, current=current)


def _conditions(where: Filter, params: list[Value]) -> str:
    """What a filter asks, and its values at the end of the parameters."""
    conditions: list[str] = []
    for text, wanted in (
        (sql.OF_KINDS, where.kinds),
        (sql.OF_QUEUES, where.queues),
        (sql.TAGGED, where.tags),
    ):
        if wanted:
            params.append(list(wanted))
            conditions.append(text.format(f"${len(params)}"))
    if where.states:
        conditions.append(f"({' OR '.join(sql.SEEN[state] for state in where.states)})")
    return "".join(f" AND {each}" for each in conditions)


def _queue(row: Row) -> Queue:
    name, paused_at = cast("tuple[str, datetime | None]", row)
    return Queue(name, paused_at)
