"""Inserting jobs: new, known already, skipped for the holder of a key, or put in its place."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import chain, groupby
from operator import attrgetter
from uuid import UUID

from goncordia.answers import Inserted, Insertion
from goncordia.jobs import Conflict, NewJob
from goncordia.lifecycle import Event, Facts, born
from goncordia.statements import Op, Statement, Value, ask, change, change_many

from goncordia_sql.sqlite import record, rows
from goncordia_sql.sqlite import statements as sql
from goncordia_sql.sqlite.env import Env

_DUE = sql.CODES[born(Facts())]
_AHEAD = sql.CODES[born(Facts(ahead=True))]
_HOLD = {hold: code for code, hold in enumerate(sql.HOLDS)}
_CONFLICT = {conflict: code for code, conflict in enumerate(sql.CONFLICTS)}
_CREATED = Insertion.CREATED

Params = tuple[Value, ...]

_COMMON = attrgetter("kind", "queue", "version", "priority", "run_at", "max_attempts")
"""What the plain jobs of a batch mostly have in common: all but id and args."""


def insert(env: Env, jobs: Sequence[NewJob]) -> Op[list[Inserted]]:
    """Answer each job."""
    rich = any(job.unique or job.tags or job.meta for job in jobs)
    text = sql.INSERT_RICH if rich else sql.INSERT
    if len(jobs) == 1:
        changed = yield from change(text, _params(env, jobs[0], rich))
        created: Collection[UUID] = {jobs[0].id} if changed else ()
    else:
        created = yield from _insert_many(env, jobs, rich)
    if len(created) == len(jobs):
        return [Inserted(job.id, _CREATED) for job in jobs]
    answers: list[Inserted] = []
    for job in jobs:
        if job.id in created:
            answers.append(Inserted(job.id, _CREATED))
        else:
            answers.append((yield from _settle(env, job, text, _params(env, job, rich))))
    return answers


def _insert_many(env: Env, jobs: Sequence[NewJob], rich: bool) -> Op[Collection[UUID]]:
    """Write those that meet no conflict; their ids."""
    reply = yield Statement(sql.LAST_SEQ)
    last = reply.rows[0][0]
    if rich:
        params = [_params(env, job, rich) for job in jobs]
        changed = yield from change_many(sql.INSERT_RICH, params)
    else:
        changed = yield from _insert_plain(env, jobs)
    ids = [job.id for job in jobs]
    if changed == len(jobs):
        return ids
    created = set((yield from ask(sql.CREATED, (sql.pack(ids), last), rows.uuid)))
    if len(set(ids)) == len(ids):
        return created
    # an id stands here twice, and perhaps the wrong one was written: begin again, one by one
    yield from change(sql.REMOVE, (sql.pack(created),))
    return ()


def _insert_plain(env: Env, jobs: Sequence[NewJob]) -> Op[int]:
    """Write those that meet no conflict; how many. The order does not matter."""
    changed = 0
    left: list[Params] = []
    for _, run in groupby(jobs, _COMMON):
        alike = list(run)
        common = _params(env, alike[-1], rich=False)[2:]
        own = [(job.id.bytes, job.args) for job in alike]
        whole = len(own) - len(own) % sql.ALIKE
        for at in range(0, whole, sql.ALIKE):
            many = chain.from_iterable(own[at : at + sql.ALIKE])
            changed += yield from change(sql.INSERT_ALIKE, (*common, *many))
        left += [(*each, *common) for each in own[whole:]]
    return changed + (yield from change_many(sql.INSERT, left)) if left else changed


def _params(env: Env, job: NewJob, rich: bool) -> Params:
    now = env.now
    run_at = now if job.run_at is None else env.instant(job.run_at, "run_at")
    if run_at <= now:
        state = _DUE
        env.news.queues.add(job.queue)
        env.news.job = job.id.bytes
    else:
        state = _AHEAD
        env.tell(job.queue, run_at)
    plain = (
        job.id.bytes,
        job.args,
        job.kind,
        job.queue,
        job.version,
        job.priority,
        state,
        run_at,
        now,
        job.max_attempts,
    )
    return (*plain, *_extras(job)) if rich else plain


def _extras(job: NewJob) -> Params:
    tags = rows.encode(job.tags).decode() if job.tags else None
    meta = job.meta or None
    unique = job.unique
    if unique is None:
        return (None, None, None, None, tags, meta)
    return (unique.key, _HOLD[unique.hold], _CONFLICT[unique.on_conflict], 1, tags, meta)


def _settle(env: Env, job: NewJob, text: str, values: Params) -> Op[Inserted]:
    """Answer a job whose first try wrote nothing: its id is known, or its key held."""
    reply = yield Statement(sql.EXISTS, (job.id.bytes,))
    if reply.rows:
        return Inserted(job.id, Insertion.EXISTING)
    answer = Inserted(job.id, _CREATED)
    if job.unique is not None:
        holders = yield from ask(sql.HOLDER, (job.unique.key,), rows.uuid)
        if holders:
            replace = job.unique.on_conflict is Conflict.REPLACE
            if not (replace and (yield from _give_way(env, holders[0], job.unique.key))):
                return Inserted(job.id, Insertion.SKIPPED, holders[0])
            answer = Inserted(job.id, Insertion.REPLACED, holders[0])
    yield from change(text, values)
    return answer


def _give_way(env: Env, holder: UUID, key: bytes) -> Op[bool]:
    """Whether the holder waited; it is cancelled then, and its key free."""
    found = (yield from record.read([holder])).get(holder.bytes)
    if found is None or not found.holds or found.unique_key != key:
        return False  # the holder is gone and its key kept for ever
    rule = record.decided(Event.CANCEL, found.visible(env), Facts())
    if rule is None or rule.target is None or not rule.ends:
        return False
    found.step(rule, rule.target, env)
    found.holds = None
    yield from record.write([found])
    return True
