"""Inserting jobs: new, known already, skipped for the holder of a key, or put in its place."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from itertools import accumulate, groupby
from operator import attrgetter
from uuid import UUID

from goncordia.answers import Inserted, Insertion
from goncordia.clock import as_utc
from goncordia.errors import Unavailable
from goncordia.jobs import Conflict, NewJob
from goncordia.lifecycle import Event, Facts
from goncordia.statements import Op, Value, ask, change

from goncordia_postgres import record, rows
from goncordia_postgres import statements as sql
from goncordia_postgres.env import MICROSECOND, SOON, Env

_HOLD = {hold: code for code, hold in enumerate(sql.HOLDS)}
_CONFLICT = {conflict: code for code, conflict in enumerate(sql.CONFLICTS)}
_CREATED = Insertion.CREATED
_TRIES = 100
"""How often a key may be freed and taken again by others between two looks at it."""

_FEW = 3
"""Groups of jobs that are alike: more are written in one statement, though a dearer one."""
_COMMON = attrgetter("kind", "queue", "version", "priority", "max_attempts", "run_at")
"""What the plain jobs of a batch mostly have in common: all but id and args."""


def check(jobs: Sequence[NewJob]) -> None:
    """Refuse a naive datetime before anything is written; raises `InvalidArgument`."""
    for job in jobs:
        if isinstance(job.run_at, datetime):
            as_utc(job.run_at, f"run_at of job {job.id}")


def is_one_step(jobs: Sequence[NewJob]) -> bool:
    """Whether one statement writes all or nothing, and the rest is reading."""
    first = jobs[0]
    if len(jobs) == 1:
        return first.unique is None or first.unique.on_conflict is not Conflict.REPLACE
    common = _COMMON(first)
    return all(is_plain(job) and _COMMON(job) == common for job in jobs)


def insert(env: Env, jobs: Sequence[NewJob]) -> Op[list[Inserted]]:
    """Answer each job."""
    for job in jobs:
        _tell(env, job)
    created = yield from _write(env, jobs)
    if len(created) == len(jobs):
        return [Inserted(job.id, _CREATED) for job in jobs]
    if len({job.id for job in jobs}) < len(jobs):
        return (yield from _in_turn(env, jobs, set(created)))
    known = set((yield from ask(sql.KNOWN, ([job.id for job in jobs],), rows.uuid)))
    fresh = set(created)
    answers: list[Inserted] = []
    for job in jobs:
        if job.id in fresh:
            answers.append(Inserted(job.id, _CREATED))
        elif job.id in known:
            answers.append(Inserted(job.id, Insertion.EXISTING))
        else:
            answers.append((yield from _settle(env, job)))
    return answers


def _in_turn(env: Env, jobs: Sequence[NewJob], created: set[UUID]) -> Op[list[Inserted]]:
    """Answer a batch in which an id stands twice: the first one counts."""
    answers: list[Inserted] = []
    for job in jobs:
        if job.id in created:
            created.discard(job.id)
            answers.append(Inserted(job.id, _CREATED))
        else:
            answers += yield from insert(env, [job])
    return answers


def is_plain(job: NewJob) -> bool:
    """Whether it is written without a look at anything else."""
    return job.unique is None and not job.tags and not job.meta


def _tell(env: Env, job: NewJob) -> None:
    run_at = job.run_at
    if run_at is None or (isinstance(run_at, timedelta) and run_at <= SOON):
        env.tell(job.queue)
    elif isinstance(run_at, datetime):
        env.tell_due(job.queue, run_at, env.now or datetime.now(run_at.tzinfo))


def _write(env: Env, jobs: Sequence[NewJob]) -> Op[Collection[UUID]]:
    """Write those that meet no conflict; their ids."""
    if len(jobs) == 1 and is_plain(jobs[0]):
        job = jobs[0]
        params = (job.id, job.args, *_common(env, job))
        return (job.id,) if (yield from change(sql.INSERT, params)) else ()
    groups = [list(run) for _, run in groupby(jobs, _COMMON)]
    if len(groups) > _FEW or not all(map(is_plain, jobs)):
        first = {job.id: job for job in reversed(jobs)}
        wanted = [job for job in jobs if first[job.id] is job]
        return (yield from ask(sql.INSERT_MANY, _many(env, wanted), rows.uuid))
    created: list[UUID] = []
    for alike in groups:
        ids, args = [job.id for job in alike], [job.args for job in alike]
        params = (ids, args, *_common(env, alike[0]))
        created += yield from ask(sql.INSERT_ALIKE, params, rows.uuid)
    return created


def _common(env: Env, job: NewJob) -> tuple[Value, ...]:
    instant, span = _when(job)
    return (
        job.kind, job.queue, job.version, job.priority, job.max_attempts, instant, span, env.now,
    )  # fmt: skip


def _when(job: NewJob) -> tuple[datetime | None, int]:
    """An instant, or microseconds from now."""
    when = job.run_at
    if isinstance(when, timedelta):
        return None, when // MICROSECOND
    return (None if when is None else as_utc(when, "run_at")), 0


def _many(env: Env, jobs: Sequence[NewJob]) -> tuple[Value, ...]:
    """As `INSERT_MANY` wants them; the tags stand in one list, and where each job's begin."""
    tags = [tag for job in jobs for tag in job.tags]
    starts = list(accumulate((len(job.tags) for job in jobs[:-1]), initial=1))
    whens = [_when(job) for job in jobs]
    keys = [job.unique for job in jobs]
    return (
        [job.id for job in jobs],
        [job.args for job in jobs],
        [job.kind for job in jobs],
        [job.queue for job in jobs],
        [job.version for job in jobs],
        [job.priority for job in jobs],
        [job.max_attempts for job in jobs],
        [instant for instant, _ in whens],
        [span for _, span in whens],
        [None if key is None else key.key for key in keys],
        [None if key is None else _HOLD[key.hold] for key in keys],
        [None if key is None else _CONFLICT[key.on_conflict] for key in keys],
        starts,
        [len(job.tags) for job in jobs],
        [job.meta or None for job in jobs],
        tags,
        env.now,
    )


def _settle(env: Env, job: NewJob) -> Op[Inserted]:
    """Answer a job whose key was held when it was tried."""
    key = job.unique
    if key is None:
        raise Unavailable(f"job {job.id} met another insert of the same id: send it again")
    for _ in range(_TRIES):
        holders = yield from ask(sql.HOLDER, (key.key,), rows.uuid)
        if holders:
            replaces = key.on_conflict is Conflict.REPLACE
            gives_way = (yield from _give_way(env, holders[0], key.key)) if replaces else False
            if gives_way is None:
                continue
            if not gives_way:
                return Inserted(job.id, Insertion.SKIPPED, holders[0])
        if (yield from ask(sql.INSERT_MANY, _many(env, [job]), rows.uuid)):
            if holders:
                return Inserted(job.id, Insertion.REPLACED, holders[0])
            return Inserted(job.id, _CREATED)
        if (yield from ask(sql.KNOWN, ([job.id],), rows.uuid)):
            return Inserted(job.id, Insertion.EXISTING)
    raise Unavailable(f"the unique key of job {job.id} changes hands too fast: send it again")


def _give_way(env: Env, holder: UUID, key: bytes) -> Op[bool | None]:
    """Whether the holder waited; it is cancelled then, and its key free. None: it lost the key."""
    found = (yield from record.read(env, [holder], sql.WAIT_FOR)).get(holder)
    if (yield from ask(sql.HOLDER, (key,), rows.uuid)) != [holder]:
        return None  # somebody was faster, while its row was waited for
    if found is None or found.unique_key != key:
        return False  # the holder is gone and its key kept for ever
    rule = record.decided(Event.CANCEL, found.seen, Facts())
    if rule is None or rule.target is None or not rule.ends:
        return False
    found.step(rule, rule.target, env)
    found.frees = True
    yield from record.write([found])
    yield from record.name_queues([found.queue])
    return True
