"""Rules of looking and acting, whatever jobs there are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

import pytest
from goncordia import memory
from goncordia.endings import Patience
from goncordia.filters import Where
from goncordia.ids import uuid7
from goncordia.jobs import AttemptError, completed, discarded
from goncordia.lifecycle import LIVE, State
from goncordia.reasons import Behind, Next
from goncordia.requests import Wait
from goncordia.sessions import Claim, WorkerInfo
from goncordia.sync_client import SyncClient
from goncordia.testing.clock import START, MockClock
from hypothesis import given
from hypothesis import strategies as st

from .conftest import Mail, Report

WORKER = WorkerInfo("w", ("a", "b"), ("mail", "report"))
WENT_WRONG = AttemptError(1, datetime(2026, 1, 1, tzinfo=UTC), "ValueError", "went wrong")


class Made(NamedTuple):
    """A job to make, and what becomes of it."""

    kind: str
    queue: str
    priority: int
    wait: int
    tags: tuple[str, ...]


JOBS = st.lists(
    st.builds(
        Made,
        st.sampled_from(["mail", "report"]),
        st.sampled_from(["a", "b"]),
        st.integers(-2, 2),
        st.integers(0, 3),
        st.sampled_from([(), ("x",), ("x", "y")]),
    ),
    max_size=12,
)
WHERE = st.fixed_dictionaries(
    {
        "states": st.lists(st.sampled_from(State), max_size=3, unique=True),
        "kinds": st.lists(st.sampled_from(["mail", "report", "none"]), max_size=2),
        "queues": st.lists(st.sampled_from(["a", "b", "none"]), max_size=2),
        "tags": st.lists(st.sampled_from(["x", "y"]), max_size=2),
    }
).filter(lambda where: any(where.values()))


def filled(jobs: Collection[Made]) -> SyncClient[memory.Tx]:
    """A client of a store with these jobs, some of which have ended, when all others are due."""
    store = memory.Store()
    driver = memory.SyncMemoryDriver(store)
    before = SyncClient(driver, clock=MockClock())
    now = START + timedelta(minutes=1)
    for job in jobs:
        args = Mail("a") if job.kind == "mail" else Report()
        wait = timedelta(seconds=job.wait)
        before.enqueue(args, queue=job.queue, priority=job.priority, run_at=wait, tags=job.tags)
    session = store.join(WORKER, timedelta(minutes=5), now=now)
    claims = store.claim(Claim(uuid7(), session.id, {"a": 2, "b": 2}), now=now)
    for n, job in enumerate(claims.jobs):
        if n % 3:
            outcome = completed(job) if n % 2 else discarded(job, WENT_WRONG)
            store.finish([outcome], now=now)
    return SyncClient(driver, clock=MockClock(now))


@given(JOBS)
def test_a_job_is_behind_those_that_are_claimed_before_it(jobs: list[Made]) -> None:
    client = filled(jobs)
    store, now = client._driver.store, client._clock.now()  # pyright: ignore[reportAttributeAccessIssue]
    ahead: dict[UUID, int] = {}
    for row in client.all_jobs(states=[State.AVAILABLE]):
        [reason] = client.explain(row.id).reasons
        assert isinstance(reason, Behind | Next)
        ahead[row.id] = reason.at_least if isinstance(reason, Behind) else 0
    session = store.join(WORKER, timedelta(minutes=5), now=now)
    claims = store.claim(Claim(uuid7(), session.id, {"a": 99, "b": 99}), now=now)
    places = Counter[str]()
    for job in claims.jobs:
        assert ahead.pop(job.id) == places[job.queue]
        places[job.queue] += 1
    assert not ahead


ACTIONS = {
    "cancel_all": LIVE,
    "retry_all": {State.DISCARDED},
    "amend_all": LIVE - {State.RUNNING},
    "delete_all": set(State) - {State.RUNNING},
}


@given(JOBS, WHERE, st.sampled_from(sorted(ACTIONS)))
def test_a_sweep_touches_what_the_filter_shows_and_nothing_else(
    jobs: list[Made], where: Where, action: str
) -> None:
    client = filled(jobs)
    meant = where if where.get("states") else {**where, "states": ACTIONS[action]}
    shown = {row.id for row in client.all_jobs(**meant)}  # pyright: ignore[reportArgumentType]
    before = {row.id: row for row in client.all_jobs()}
    act = getattr(client, action)
    assert act(dry=True, **where).found == len(shown)
    assert {row.id: row for row in client.all_jobs()} == before
    sweep = act(**where, **({"priority": 5} if action == "amend_all" else {}))
    after = {row.id: row for row in client.all_jobs()}
    touched = {key for key, row in before.items() if after.get(key) != row}
    assert sweep.found == len(shown) == sum(sweep.acted.values())
    assert sweep.changed == len(touched)
    assert touched <= shown
    assert client.count(**where).n == len(list(client.all_jobs(**where)))


@given(st.floats(0.001, 300), st.floats(0.05, 10))
def test_pauses_fill_the_time_and_their_number_is_bounded(timeout: float, longest: float) -> None:
    patience, pauses = Patience(MockClock(), timeout, longest), list[float]()
    while steps := list(patience.pause()):
        pauses += [step.seconds for step in steps if isinstance(step, Wait)]
    assert sum(pauses) == pytest.approx(timeout)
    assert max(pauses) <= longest
    assert len(pauses) <= 20 + timeout / (0.75 * longest)
