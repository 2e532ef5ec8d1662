"""SQL against the law: every event meets every state under every combination of facts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import product

import pytest
from goncordia.actions import Action, Amend, Cancel, Delete, Retry
from goncordia.ids import uuid7
from goncordia.jobs import AttemptError, ClaimedJob, JobRow, NewJob, Outcome, UniqueKey
from goncordia.lifecycle import ENDED, WAITING, Event, Facts, State, born, decide
from goncordia.retention import Retention
from goncordia.sessions import Claim, WorkerInfo
from goncordia_sql.sqlite import act, claim, finish, insert, query, statements, upkeep
from goncordia_sql.sqlite.link import Link, Work
from goncordia_sql.sqlite.place import Place

NOW = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
FACTS = [Facts(*bits) for bits in product([False, True], repeat=len(Facts._fields))]
ACTIONS: dict[Event, Callable[[Facts], Action]] = {
    Event.CANCEL: lambda facts: Cancel(),
    Event.DELETE: lambda facts: Delete(),
    Event.RETRY: lambda facts: Retry(HOUR if facts.ahead else None),
    Event.AMEND: lambda facts: Amend(HOUR if facts.ahead else -HOUR),
}


@pytest.fixture
def link(path: str) -> Iterator[Link]:
    place = Place(path, synchronous="NORMAL", busy_timeout=5, retention=Retention())
    place.open()
    link = Link(place)
    link.open()
    yield link
    link.close()
    place.close()


def run(link: Link, make, now: datetime = NOW):
    work = Work(make, now)
    link.write([work])
    return work.answer()


def look(link: Link, job: ClaimedJob | NewJob, now: datetime = NOW) -> JobRow | None:
    return run(link, partial(query.get, ids=[job.id]), now)[0]


def prepare(link: Link, state: State, facts: Facts) -> ClaimedJob:
    """A job in that state of which the facts are true, the only one; claimed as it may be."""
    connection = link._open()
    connection.execute("DELETE FROM goncordia_job_row")
    connection.execute("DELETE FROM goncordia_session")
    run(
        link,
        partial(insert.insert, jobs=[NewJob(uuid7(), "k", b"{}", unique=UniqueKey(b"u" * 32))]),
    )
    session = run(link, partial(upkeep.join, worker=WorkerInfo("w"), ttl=HOUR))
    request = Claim(uuid7(), session.id, {"default": 1})
    (job,) = run(link, partial(claim.claim, claim=request)).jobs
    running, ended = state is State.RUNNING, state in ENDED
    connection.execute(
        """UPDATE goncordia_job_row SET state = ?, run_at = run_at + ?, max_attempts = ?,
        cancel_requested = ?, expire_at = run_at + ?, finished_at = ?, holds = ?,
        session = iif(?, session, NULL), token = iif(?, token, NULL)""",
        (
            statements.CODES[state],
            10 if state in (State.SCHEDULED, State.RETRYABLE) else 0,
            2 if facts.attempts_left else 1,
            running and facts.cancel_requested,
            0 if facts.expired else 1,
            1 if ended else None,
            None if ended else 1,
            running,
            running,
        ),
    )
    return job


def happen(link: Link, event: Event, job: ClaimedJob, facts: Facts) -> None:
    if event in ACTIONS:
        run(link, partial(act.act, ids=[job.id], action=ACTIONS[event](facts)))
    elif event is Event.PRUNE:
        run(link, partial(upkeep.prune, limit=10))
    elif event is Event.CLAIM:
        session = run(link, partial(upkeep.join, worker=WorkerInfo("w"), ttl=HOUR))
        request = Claim(uuid7(), session.id, {"default": 1})
        run(link, partial(claim.claim, claim=request))
    elif event is Event.RESCUE:
        later = NOW + timedelta(hours=2)
        run(link, partial(upkeep.rescue, limit=10, observed=None), later)
    else:
        error = AttemptError(1, NOW, "ValueError", "no") if event is Event.FAIL else None
        when = HOUR if event in (Event.FAIL, Event.SNOOZE) else None
        outcome = Outcome(job.id, job.token, event, when, error, facts.final)
        run(link, partial(finish.finish, outcomes=[outcome]))


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("event", Event)
def test_every_event_in_every_state(link: Link, event: Event, state: State) -> None:
    for facts in FACTS:
        job = prepare(link, state, facts)
        before = look(link, job)
        assert before is not None
        assert before.state is state
        happen(link, event, job, facts)
        after = look(link, job)
        asked = facts if event is not Event.RESCUE else facts._replace(final=False)
        rule = decide(event, state, asked)
        if rule is None:
            assert after == before, f"{event} is refused in {state}"
        elif rule.target is None:
            assert after is None
        else:
            assert after is not None
            assert after.state is rule.target
            assert after.attempt == before.attempt + rule.attempt
            assert (after.finished_at is not None) == (rule.target in ENDED)
            assert (after.session is not None) == (rule.target is State.RUNNING)
            held = link._open().execute("SELECT holds FROM goncordia_job_row").fetchone()[0]
            assert (held == 1) == (rule.target not in ENDED)


@pytest.mark.parametrize("ahead", [False, True])
def test_a_job_is_born_as_the_law_says(link: Link, ahead: bool) -> None:
    job = NewJob(uuid7(), "k", b"{}", run_at=HOUR if ahead else -HOUR)
    run(link, partial(insert.insert, jobs=[job]))
    row = look(link, job)
    assert row is not None
    assert row.state is born(Facts(ahead=ahead))


@pytest.mark.parametrize("state", [s for s in State if s in WAITING])
def test_a_dormant_job_that_fell_due_is_available(link: Link, state: State) -> None:
    job = prepare(link, state, Facts())
    later = NOW + timedelta(seconds=1)
    row = look(link, job, later)
    assert row is not None
    assert row.state is State.AVAILABLE
    session = run(link, partial(upkeep.join, worker=WorkerInfo("w"), ttl=HOUR), later)
    request = Claim(uuid7(), session.id, {"default": 1})
    claims = run(link, partial(claim.claim, claim=request), later)
    assert [taken.id for taken in claims.jobs] == [job.id]
