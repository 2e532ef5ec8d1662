"""What clients and operators do to jobs by their ids."""

from __future__ import annotations

from datetime import datetime

from goncordia.actions import EVENTS, Acted, Action, Amend, Delete, Retry
from goncordia.clock import When, as_utc, due
from goncordia.lifecycle import Event, State, visible
from goncordia.memory.law import move, removes
from goncordia.memory.moment import Moment
from goncordia.memory.record import Record
from goncordia.memory.writes import Writes


def act(writes: Writes, id: int, action: Action, moment: Moment) -> Acted:
    """Do it to one job."""
    record = writes.find(id)
    if writes.locked(id):
        return Acted.BUSY
    if record is None:
        return Acted.MISSING
    run_at = _run_at(record, action, moment)
    state = visible(record.state, record.run_at, moment.at)
    if isinstance(action, Delete):
        if not removes(Event.DELETE, state):
            return _refused(state)
        writes.remove(record)
        return Acted.CHANGED
    step = move(EVENTS[type(action)], state, ahead=run_at > moment.at)
    if step is None:
        return _refused(state)
    if isinstance(action, Retry) and (refused := _key_refused(writes, record)):
        return refused
    return _write(writes, writes.step(record, step, moment), action, run_at)


def _run_at(record: Record, action: Action, moment: Moment) -> datetime:
    if isinstance(action, Retry):
        return _instant(action.run_at, moment.at, moment)
    if isinstance(action, Amend):
        return _instant(action.run_at, record.run_at, moment)
    return record.run_at


def _instant(when: When | None, default: datetime, moment: Moment) -> datetime:
    if when is None:
        return default
    return due(as_utc(when, "run_at") if isinstance(when, datetime) else when, moment.at)


def _key_refused(writes: Writes, record: Record) -> Acted | None:
    """Why a job can't have its unique key again."""
    if record.unique is None:
        return None
    held = writes.holder(record.unique.key)
    if held is None:
        return Acted.BUSY if writes.key_locked(record.unique.key) else None
    return None if held.id == record.id else Acted.CONFLICT


def _refused(state: State) -> Acted:
    return Acted.RUNNING if state is State.RUNNING else Acted.WRONG_STATE


def _write(writes: Writes, new: Record, action: Action, run_at: datetime) -> Acted:
    if new.state is State.RUNNING:
        new.cancel_requested = True
        return Acted.REQUESTED
    new.run_at = run_at
    new.at = writes.table.micros(run_at)
    if isinstance(action, Amend) and action.priority is not None:
        new.priority = action.priority
    if isinstance(action, Retry):
        _anew(writes, new)
    return Acted.CHANGED


def _anew(writes: Writes, new: Record) -> None:
    """A retried job forgets how it ended, and has at least one attempt left."""
    new.max_attempts = max(new.max_attempts, new.attempt + 1)
    new.finished_at = new.expire_at = new.result = new.mark = None
    new.cancel_requested = False
    writes.take_key(new)
