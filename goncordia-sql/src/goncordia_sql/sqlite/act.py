"""What clients and operators do to jobs by their ids."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from goncordia.actions import EVENTS, Acted, Action, Amend, Retry
from goncordia.lifecycle import Facts, Rule, State
from goncordia.statements import Op, ask

from goncordia_sql.sqlite import record, rows
from goncordia_sql.sqlite import statements as sql
from goncordia_sql.sqlite.env import Env
from goncordia_sql.sqlite.record import Record


def act(env: Env, ids: Sequence[UUID], action: Action) -> Op[list[Acted]]:
    """Do it to each job, one after the other."""
    answers: list[Acted] = []
    for each in ids:
        answers.append((yield from _act(env, each, action)))
    return answers


def _act(env: Env, id: UUID, action: Action) -> Op[Acted]:
    job = (yield from record.read([id])).get(id.bytes)
    if job is None:
        return Acted.MISSING
    run_at = _run_at(env, job, action)
    state = job.visible(env)
    rule = record.decided(EVENTS[type(action)], state, Facts(ahead=run_at > env.now))
    if rule is None:
        return Acted.RUNNING if state is State.RUNNING else Acted.WRONG_STATE
    if rule.target is None:
        yield from record.remove([id])
        return Acted.CHANGED
    if isinstance(action, Retry) and job.unique_key is not None:
        holders = yield from ask(sql.HOLDER, (job.unique_key,), rows.uuid)
        if holders and holders[0] != id:
            return Acted.CONFLICT
    answer = _apply(env, job, action, rule, rule.target, run_at)
    yield from record.write([job])
    return answer


def _run_at(env: Env, job: Record, action: Action) -> int:
    if isinstance(action, Retry | Amend) and action.run_at is not None:
        return env.instant(action.run_at, "run_at")
    return env.now if isinstance(action, Retry) else job.run_at


def _apply(env: Env, job: Record, action: Action, rule: Rule, target: State, run_at: int) -> Acted:
    job.step(rule, target, env)
    if target is State.RUNNING:
        job.cancel_requested = 1
        env.news.cancels = True
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
    job.holds = None if job.unique_key is None else 1
