"""What clients and operators do to jobs by their ids."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from goncordia.actions import EVENTS, Acted, Action, Amend, Retry, check_action
from goncordia.jobs import JobRow
from goncordia.lifecycle import Facts, State, decide

from goncordia_lmdb.table import Record, Table


def act(table: Table, ids: Sequence[UUID], action: Action) -> list[Acted]:
    """Do it to each job; what no job takes is refused before anything is written."""
    check_action(action)
    wanted = None
    if isinstance(action, Retry | Amend) and action.run_at is not None:
        wanted = table.instant(action.run_at, "run_at")
    return [_act(table, each, action, wanted) for each in ids]


def _act(table: Table, id: UUID, action: Action, wanted: datetime | None) -> Acted:
    record = table.find(id)
    if record is None:
        return Acted.MISSING
    run_at = wanted or (table.now if isinstance(action, Retry) else record.job.run_at)
    state = table.state(record.job)
    rule = decide(EVENTS[type(action)], state, Facts(ahead=run_at > table.now))
    if rule is None:
        return Acted.RUNNING if state is State.RUNNING else Acted.WRONG_STATE
    if rule.target is None:
        table.remove(record)
        return Acted.CHANGED
    if isinstance(action, Retry) and _key_taken(table, record.job):
        return Acted.CONFLICT
    table.step(record, rule)
    answer = _change(table, record, action, run_at)
    table.put(record)
    return answer


def _change(table: Table, record: Record, action: Action, run_at: datetime) -> Acted:
    job = record.job
    if job.state is State.RUNNING:
        job.cancel_requested = True
        return Acted.REQUESTED
    job.run_at = run_at
    if isinstance(action, Amend) and action.priority is not None:
        job.priority = action.priority
    if isinstance(action, Retry):
        job.max_attempts = max(job.max_attempts, job.attempt + 1)
        job.finished_at = job.expire_at = job.result = record.mark = None
        job.cancel_requested = False
        table.take_key(job)
    return Acted.CHANGED


def _key_taken(table: Table, job: JobRow) -> bool:
    """Whether another job holds the key by now."""
    return job.unique is not None and table.holder(job.unique.key) not in (None, job.id)
