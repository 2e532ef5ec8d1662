"""Recording outcomes, fenced by their tokens."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import cast
from uuid import UUID

from goncordia.answers import Finished
from goncordia.jobs import NewJob, Outcome
from goncordia.lifecycle import DORMANT, Event, Facts, State
from goncordia.statements import Op, Statement, change

from goncordia_sql.sqlite import record
from goncordia_sql.sqlite import statements as sql
from goncordia_sql.sqlite.env import Env
from goncordia_sql.sqlite.insert import insert
from goncordia_sql.sqlite.record import Record

SHORTEST_SNOOZE = 1_000_000
"""Microseconds."""

_EVENTS = {Event.COMPLETE: 0, Event.FAIL: 4, Event.SNOOZE: 8, Event.RELEASE: 12}
_COMPLETE = _EVENTS[Event.COMPLETE]

Marks = dict[bytes, tuple[bytes | None, bytes | None, int | None]]


def finish(env: Env, outcomes: Sequence[Outcome]) -> Op[list[Finished]]:
    """Answer each outcome."""
    distinct = len({outcome.id for outcome in outcomes}) == len(outcomes)
    plain = [outcome for outcome in outcomes if _is_plain(outcome)] if distinct else []
    told = (yield from _complete(env, plain)) if plain else {}
    if len(plain) == len(outcomes):
        return [told[outcome.id] for outcome in outcomes]
    rest = [outcome for outcome in outcomes if outcome.id not in told]
    answers = iter((yield from _judge(env, rest)))
    return [told.get(outcome.id) or next(answers) for outcome in outcomes]


def mark(outcome: Outcome) -> int:
    """What is left on the row, to know the same outcome when it is sent again."""
    return _EVENTS[outcome.event] + 2 * outcome.final + outcome.cancel


def _is_plain(outcome: Outcome) -> bool:
    """Whether it says nothing but that the work is done."""
    return (
        outcome.event is Event.COMPLETE
        and outcome.error is None
        and outcome.result is None
        and not (outcome.follow_ups or outcome.final or outcome.cancel)
    )


def _complete(env: Env, outcomes: Sequence[Outcome]) -> Op[dict[UUID, Finished]]:
    """Complete them in one statement; only where some were not held are the marks looked at."""
    pairs = b"".join([o.id.bytes + o.token.bytes for o in outcomes])
    params = (pairs, env.now, env.expiry(State.COMPLETED), _COMPLETE)
    changed = yield from change(sql.COMPLETE, params)
    if changed == len(outcomes):
        return {o.id: Finished.DONE for o in outcomes}
    marks = yield from _marks([o.id for o in outcomes])
    return {o.id: _told(marks, o) for o in outcomes}


def _marks(ids: Iterable[UUID]) -> Op[Marks]:
    reply = yield Statement(sql.MARKS, (sql.pack(ids),))
    found = cast("Sequence[tuple[bytes, bytes | None, bytes | None, int | None]]", reply.rows)
    return {row[0]: row[1:] for row in found}


def _told(marks: Marks, outcome: Outcome) -> Finished:
    found = marks.get(outcome.id.bytes)
    if found is None:
        return Finished.GONE
    return Finished.DONE if found[1:] == (outcome.token.bytes, mark(outcome)) else Finished.LOST


def _judge(env: Env, outcomes: Sequence[Outcome]) -> Op[list[Finished]]:
    """Read the jobs, decide each, write them back, insert what follows."""
    found = yield from record.read([outcome.id for outcome in outcomes])
    changed: dict[bytes, Record] = {}
    follow_ups: list[NewJob] = []
    answers: list[Finished] = []
    for outcome in outcomes:
        job = found.get(outcome.id.bytes)
        if job is not None and job.token == outcome.token.bytes and _apply(env, job, outcome):
            changed[job.id] = job
            follow_ups.extend(outcome.follow_ups)
            answers.append(Finished.DONE)
        else:
            answers.append(_refused(job, outcome))
    yield from record.write(changed.values())
    if follow_ups:
        yield from insert(env, follow_ups)
    return answers


def _refused(job: Record | None, outcome: Outcome) -> Finished:
    if job is None:
        return Finished.GONE
    same = job.mark_token == outcome.token.bytes and job.mark == mark(outcome)
    return Finished.DONE if same else Finished.LOST


def _apply(env: Env, job: Record, outcome: Outcome) -> bool:
    """Whether the law lets it happen."""
    facts = Facts(
        attempts_left=job.attempt < job.max_attempts,
        cancel_requested=bool(job.cancel_requested) or outcome.cancel,
        final=outcome.final,
    )
    rule = record.decided(outcome.event, sql.STATES[job.state], facts)
    if rule is None or rule.target is None:
        return False
    job.step(rule, rule.target, env)
    job.mark_token, job.mark = outcome.token.bytes, mark(outcome)
    job.result = outcome.result
    job.blame(outcome.error)
    if rule.target in DORMANT and outcome.when is not None:
        job.run_at = env.instant(outcome.when, "when")
        if outcome.event is Event.SNOOZE:
            job.run_at = max(job.run_at, env.now + SHORTEST_SNOOZE)
            job.snoozes += 1
    job.tell(env)
    return True
