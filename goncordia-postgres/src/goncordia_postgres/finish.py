"""Recording outcomes, fenced by their tokens."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple, cast
from uuid import UUID

from goncordia.answers import Finished
from goncordia.clock import as_utc
from goncordia.jobs import NewJob, Outcome
from goncordia.lifecycle import DORMANT, Event, Facts, State
from goncordia.statements import Op, Statement

from goncordia_postgres import insert as inserts
from goncordia_postgres import record
from goncordia_postgres import statements as sql
from goncordia_postgres.env import MICROSECOND, Env, instant
from goncordia_postgres.record import Record

SHORTEST_SNOOZE = timedelta(seconds=1)

_EVENTS = {Event.COMPLETE: sql.MARK_COMPLETED, Event.FAIL: 4, Event.SNOOZE: 8, Event.RELEASE: 12}


class Mark(NamedTuple):
    """What a row says of its last outcome, and who holds it."""

    token: UUID | None
    mark_token: UUID | None
    mark: int | None
    runs: bool


def check(outcomes: Sequence[Outcome]) -> None:
    """Refuse a naive datetime before anything is written; raises `InvalidArgument`."""
    for outcome in outcomes:
        if isinstance(outcome.when, datetime):
            as_utc(outcome.when, f"when of job {outcome.id}")
        if outcome.follow_ups:
            inserts.check(outcome.follow_ups)


def is_one_step(outcomes: Sequence[Outcome]) -> bool:
    """Whether one statement writes them all, and the rest is reading."""
    return all(map(_is_plain, outcomes)) and are_distinct(outcomes)


def finish(env: Env, outcomes: Sequence[Outcome]) -> Op[list[Finished]]:
    """Answer each outcome."""
    plain = [o for o in outcomes if _is_plain(o)] if are_distinct(outcomes) else []
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
    """Whether it says nothing but that the work is done, and perhaps its result."""
    return (
        outcome.event is Event.COMPLETE
        and outcome.error is None
        and not (outcome.follow_ups or outcome.final or outcome.cancel)
    )


def are_distinct(outcomes: Sequence[Outcome]) -> bool:
    """Whether each is of another job."""
    return len({outcome.id for outcome in outcomes}) == len(outcomes)


def _complete(env: Env, outcomes: Sequence[Outcome]) -> Op[dict[UUID, Finished]]:
    """Complete them in one statement; only where some were not held are the marks looked at."""
    ids, tokens = [o.id for o in outcomes], [o.token for o in outcomes]
    kept = env.kept(State.COMPLETED) // MICROSECOND
    results = [o.result for o in outcomes]
    if any(result is not None for result in results):
        statement = Statement(sql.COMPLETE_WITH, (ids, tokens, env.now, kept, results))
    else:
        statement = Statement(sql.COMPLETE, (ids, tokens, env.now, kept))
    reply = yield statement
    if reply.rows[0][0] == len(outcomes):
        return dict.fromkeys(ids, Finished.DONE)
    marks = yield from _marks(ids)
    return {o.id: _told(marks.get(o.id), o) for o in outcomes}


def _marks(ids: Iterable[UUID]) -> Op[dict[UUID, Mark]]:
    reply = yield Statement(sql.MARKS, (list(ids),))
    found = cast("Sequence[tuple[UUID, UUID | None, UUID | None, int | None, bool]]", reply.rows)
    return {job: Mark(token, by, mark, runs) for job, token, by, mark, runs in found}


def _told(found: Mark | None, outcome: Outcome) -> Finished:
    """The answer to an outcome that wrote nothing, by what stands there; None: gone."""
    if found is None:
        return Finished.GONE
    if found.mark_token == outcome.token and found.mark == mark(outcome) and not found.runs:
        return Finished.DONE
    if found.runs and found.token == outcome.token:
        return Finished.BUSY
    return Finished.LOST


def _judge(env: Env, outcomes: Sequence[Outcome]) -> Op[list[Finished]]:
    """Read the jobs, decide each, write them back, insert what follows."""
    ids = {outcome.id for outcome in outcomes}
    found = yield from record.read(env, ids)
    locked = yield from record.busy(ids, found)
    changed: dict[UUID, Record] = {}
    follow_ups: list[NewJob] = []
    answers: list[Finished] = []
    for outcome in outcomes:
        job = found.get(outcome.id)
        if job is not None and job.token == outcome.token and _apply(env, job, outcome):
            changed[job.id] = job
            follow_ups.extend(outcome.follow_ups)
            answers.append(Finished.DONE)
        elif outcome.id in locked:
            answers.append(Finished.BUSY)
        else:
            answers.append(_refused(job, outcome))
    yield from record.write(changed.values())
    if follow_ups:
        if any(job.unique for job in follow_ups) and not env.late:
            yield Statement(sql.WAIT_BRIEFLY)
        yield from inserts.insert(env, follow_ups)
    return answers


def _refused(job: Record | None, outcome: Outcome) -> Finished:
    if job is None:
        return Finished.GONE
    same = job.mark_token == outcome.token and job.mark == mark(outcome)
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
    job.mark_token, job.mark = outcome.token, mark(outcome)
    job.result = outcome.result
    job.blame(outcome.error)
    if rule.target in DORMANT and outcome.when is not None:
        job.run_at = instant(outcome.when, job.now, "when")
        if outcome.event is Event.SNOOZE:
            job.run_at = max(job.run_at, job.now + SHORTEST_SNOOZE)
            job.snoozes += 1
    job.tell(env)
    return True
