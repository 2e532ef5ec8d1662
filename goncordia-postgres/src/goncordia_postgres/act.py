"""What clients and operators do to jobs by their ids."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from goncordia.actions import EVENTS, Acted, Action, Amend, Retry
from goncordia.lifecycle import ENDED, Facts, Rule, State
from goncordia.statements import Op, ask, change

from goncordia_postgres import record, rows
from goncordia_postgres import statements as sql
from goncordia_postgres.env import Env, instant
from goncordia_postgres.record import Record


def act(env: Env, ids: Sequence[UUID], action: Action) -> Op[list[Acted]]:
    """Do it to each job, one after the other, and write all at the end."""
    distinct = set(ids)
    found = yield from record.read(env, distinct)
    locked = yield from record.busy(distinct, found)
    answers: list[Acted] = []
    for each in ids:
        job = found.get(each)
        if each in locked:
            answers.append(Acted.BUSY)
        elif job is None or job.gone:
            answers.append(Acted.MISSING)
        else:
            answers.append((yield from _act(env, job, action)))
    yield from record.write([job for job in found.values() if not job.gone])
    if gone := [job.id for job in found.values() if job.gone]:
        yield from change(sql.REMOVE, (gone,))
    ended = {job.queue for job in found.values() if sql.STATES[job.state] in ENDED}
    yield from record.name_queues(sorted(ended))
    return answers


def _act(env: Env, job: Record, action: Action) -> Op[Acted]:
    run_at = _run_at(job, action)
    state = job.seen
    rule = record.decided(EVENTS[type(action)], state, Facts(ahead=run_at > job.now))
    if rule is None:
        return Acted.RUNNING if state is State.RUNNING else Acted.WRONG_STATE
    if rule.target is None:
        job.gone = True
        return Acted.CHANGED
    if isinstance(action, Retry) and job.unique_key is not None:
        yield from change(sql.TAKE_KEY, (job.unique_key, job.id))
        holders = yield from ask(sql.HOLDER, (job.unique_key,), rows.uuid)
        if holders != [job.id]:
            return Acted.CONFLICT
    return _apply(env, job, action, rule, rule.target, run_at)


def _run_at(job: Record, action: Action) -> datetime:
    if isinstance(action, Retry | Amend) and action.run_at is not None:
        return instant(action.run_at, job.now, "run_at")
    return job.now if isinstance(action, Retry) else job.run_at


def _apply(
    env: Env, job: Record, action: Action, rule: Rule, target: State, run_at: datetime
) -> Acted:
    job.step(rule, target, env)
    if target is State.RUNNING:
        job.cancel_requested = 1
        env.cancels = True
        return Acted.REQUESTED
    job.run_at = run_at
    if isinstance(action, Amend) and action.priority is not None:
        job.priority = action.priority
    if isinstance(action, Retry):
        _anew(job)
    job.tell(env)
    return Acted.CHANGED


def _anew(job: Record) -> None:
    """A retried job forgets how it ended, and has at least one attempt left."""
    job.max_attempts = max(job.max_attempts, job.attempt + 1)
    job.finished_at = job.expire_at = job.result = job.mark_token = job.mark = None
    job.cancel_requested = 0
    job.frees = False
