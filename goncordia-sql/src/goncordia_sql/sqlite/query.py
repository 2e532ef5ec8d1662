"""Looking: jobs, pages, counts, kinds, queues; and values under keys, set by comparison."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import cast
from uuid import UUID

from goncordia.answers import Cas, Count, Filter, Page, Queue, QueueChange
from goncordia.clock import from_micros
from goncordia.errors import InvalidArgument
from goncordia.jobs import JobRow
from goncordia.options import check_queue
from goncordia.statements import Op, Row, Statement, Value, ask
from goncordia.statements import change as run

from goncordia_sql.sqlite import rows
from goncordia_sql.sqlite import statements as sql
from goncordia_sql.sqlite.env import MICROSECOND, Env


def get(env: Env, ids: Sequence[UUID]) -> Op[list[JobRow | None]]:
    """The jobs with these ids."""
    now = env.at
    found = yield from ask(sql.GET, (sql.pack(ids),), lambda row: rows.job(row, now))
    by_id = {job.id: job for job in found}
    return [by_id.get(each) for each in ids]


def arrived(env: Env, ids: Collection[bytes]) -> Op[list[UUID]]:
    """Those of the ids whose jobs exist."""
    return (yield from ask(sql.ARRIVED, (b"".join(ids),), rows.uuid))


def page(env: Env, where: Filter, cursor: str | None, limit: int) -> Op[Page]:
    """A page, newest id first; the cursor is the last id shown."""
    if limit < 1:
        raise InvalidArgument(f"limit={limit}: use 1 or more")
    conditions, params = _conditions(env, where)
    order = "id"
    if where.states:
        few, parts = yield from _few(where)
        if few:
            conditions.insert(0, few)
            params[:0] = parts
            order = "+id"  # sorted, as the index of all ids is not to be read
    if cursor is not None:
        conditions.append(sql.BEFORE)
        params.append(position(cursor).bytes)
    text, now = sql.PAGE.format(" AND ".join(conditions) or "1", order), env.at
    found = yield from ask(text, (*params, limit + 1), lambda row: rows.job(row, now))
    return Page(found[:limit], found[limit - 1].id.hex if len(found) > limit else None)


def position(cursor: str) -> UUID:
    """The id after which a page begins; raises `InvalidArgument` for what is no cursor."""
    try:
        return UUID(hex=cursor)
    except ValueError as error:
        raise InvalidArgument(f"cursor={cursor!r}: use the cursor of a page") from error


def stats(env: Env, queues: Sequence[str]) -> Op[list[Count]]:
    """Counts above zero."""
    wanted = rows.encode(queues).decode() if queues else None
    counts: Counter[tuple[str, int]] = Counter()
    oldest: dict[tuple[str, int], datetime] = {}
    for row in (yield Statement(sql.STATS, (wanted, env.now))).rows:
        queue, state, n, run_at = cast("tuple[str, int, int, int | None]", row)
        place = queue, state
        counts[place] += n
        if run_at is not None:
            since = from_micros(run_at)
            oldest[place] = min(since, oldest.get(place, since))
    return [
        Count(place[0], sql.STATES[place[1]], n, oldest=oldest.get(place))
        for place, n in sorted(counts.items())
    ]


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
            env.news.queues.add(name)
    return (yield from ask(sql.QUEUES, (), _queue))


def compare_and_set(
    env: Env, key: str, expected: bytes | None, value: bytes | None, ttl: timedelta | None
) -> Op[Cas]:
    """Set the key if it holds what is expected."""
    expire_at = None if ttl is None else env.now + ttl // MICROSECOND
    if expected is not None and value is not None:  # a leader's beat: one statement
        params = (value, expire_at, key, expected, env.now)
        if (yield from run(sql.REPLACE_VALUE, params)):
            return Cas(won=True, current=value)
    reply = yield Statement(sql.VALUE, (key, env.now))
    current = cast("bytes", reply.rows[0][0]) if reply.rows else None
    if current != expected:
        return Cas(won=False, current=current)
    if value is None:
        yield from run(sql.UNSET_VALUE, (key,))
    else:
        yield from run(sql.SET_VALUE, (key, value, expire_at))
    return Cas(won=True, current=value)


def _few(where: Filter) -> Op[tuple[str, list[Value]]]:
    """A condition that finds all jobs of the states by indexes, if they are few."""
    queues = rows.encode(where.queues).decode()
    counting, n = sql.at_most(where.states, queues=bool(where.queues))
    params: list[Value] = [queues] * n
    reply = yield Statement(counting, tuple(params))
    if cast("int", reply.rows[0][0]) > sql.FEW:
        return "", []
    return f"seq IN ({sql.candidates(where.states, queues=bool(where.queues))[0]})", params


def _conditions(env: Env, where: Filter) -> tuple[list[str], list[Value]]:
    conditions: list[str] = []
    params: list[Value] = []
    for text, wanted in ((sql.OF_KINDS, where.kinds), (sql.OF_QUEUES, where.queues)):
        if wanted:
            conditions.append(text)
            params.append(rows.encode(wanted).decode())
    for tag in where.tags:
        conditions.append(sql.TAGGED)
        params.append(tag)
    if where.states:
        seen = " OR ".join(sql.SEEN[state] for state in where.states)
        conditions.append(f"({seen})")
        params += [env.now] * seen.count("?")
    return conditions, params


def _queue(row: Row) -> Queue:
    name, paused_at = cast("tuple[str, int | None]", row)
    return Queue(name, None if paused_at is None else from_micros(paused_at))
