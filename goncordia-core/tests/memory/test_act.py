from __future__ import annotations

from datetime import datetime, timedelta
from uuid import uuid4

import pytest
from goncordia.actions import Acted, Amend, Cancel, Delete, Retry
from goncordia.answers import Filter
from goncordia.errors import InvalidArgument
from goncordia.jobs import completed, discarded, failed
from goncordia.lifecycle import State
from goncordia.memory import Store

from .making import NOW, Worker, at, error, fails_and_is_due, is_discarded, new, row_of

ACTIONS = [Cancel(), Retry(), Amend(priority=1), Delete()]


def job_in(store: Store, state: State):
    """A job in that state."""
    job = new(run_at=at(60) if state is State.SCHEDULED else None)
    store.insert([job], now=NOW)
    if state in (State.AVAILABLE, State.SCHEDULED):
        return job
    if state is State.CANCELLED:
        store.act([job.id], Cancel(), NOW)
        return job
    [claimed] = Worker(store).take()
    outcomes = {
        State.RETRYABLE: failed(claimed, error(), at(60)),
        State.COMPLETED: completed(claimed, b"1"),
        State.DISCARDED: discarded(claimed, error()),
    }
    if state in outcomes:
        store.finish([outcomes[state]], now=NOW)
    return job


A, W, R = Acted.CHANGED, Acted.WRONG_STATE, Acted.RUNNING


@pytest.mark.parametrize(
    ("state", "cancel", "retry", "amend", "delete"),
    [
        (State.AVAILABLE, A, W, A, A),
        (State.SCHEDULED, A, A, A, A),
        (State.RETRYABLE, A, A, A, A),
        (State.RUNNING, Acted.REQUESTED, R, R, R),
        (State.COMPLETED, W, A, W, A),
        (State.DISCARDED, W, A, W, A),
        (State.CANCELLED, W, A, W, A),
    ],
)
def test_what_may_be_done_in_which_state(state, cancel, retry, amend, delete):
    for action, expected in zip(ACTIONS, (cancel, retry, amend, delete), strict=True):
        store = Store()
        job = job_in(store, state)
        before = store.get([job.id], NOW)
        assert store.act([job.id], action, NOW) == [expected]
        changed = store.get([job.id], NOW) != before
        assert changed is (expected in (Acted.CHANGED, Acted.REQUESTED))


def test_answers_come_by_id():
    store = Store()
    jobs = [job_in(store, State.RUNNING), job_in(store, State.SCHEDULED)]
    assert store.act([uuid4(), *(j.id for j in jobs)], Delete(), NOW) == [
        Acted.MISSING,
        Acted.RUNNING,
        Acted.CHANGED,
    ]


def test_the_same_id_twice_meets_what_the_first_did():
    store = Store()
    job = job_in(store, State.AVAILABLE)
    assert store.act([job.id, job.id], Delete(), NOW) == [Acted.CHANGED, Acted.MISSING]


def test_cancelled_job_never_runs():
    store = Store()
    job = job_in(store, State.AVAILABLE)
    store.act([job.id], Cancel(), NOW)
    row = row_of(store, job.id, NOW)
    assert (row.state, row.finished_at) == (State.CANCELLED, NOW)
    assert row.expire_at is not None
    assert row.expire_at > NOW
    assert Worker(store).take() == []


@pytest.mark.parametrize("state", [State.COMPLETED, State.DISCARDED, State.CANCELLED])
def test_retry_starts_a_job_anew(state):
    store = Store()
    job = job_in(store, state)
    store.act([job.id], Retry(), at(5))
    row = row_of(store, job.id, at(5))
    assert (row.state, row.run_at) == (State.AVAILABLE, at(5))
    assert (row.result, row.finished_at, row.expire_at) == (None, None, None)
    assert [j.id for j in Worker(store).take(now=at(5))] == [job.id]


def test_retry_gives_at_least_one_attempt_more():
    store = Store()
    store.insert([new(max_attempts=2)], now=NOW)
    worker = Worker(store)
    for _ in range(2):
        store.finish([fails_and_is_due(worker.one())], now=NOW)
    job = store.list(Filter(), now=NOW).rows[0]
    assert job.state is State.DISCARDED
    store.act([job.id], Retry(), NOW)
    again = worker.one()
    assert (again.attempt, again.max_attempts) == (3, 3)
    store.finish([is_discarded(again)], now=NOW)
    store.act([job.id], Retry(), NOW)
    assert worker.one().max_attempts == 4


def test_retry_forgets_an_old_cancel_request():
    store = Store()
    store.insert([new()], now=NOW)
    job = Worker(store).one()
    store.act([job.id], Cancel(), NOW)
    store.finish([completed(job)], now=NOW)
    store.act([job.id], Retry(), NOW)
    assert not row_of(store, job.id).cancel_requested


def test_retry_leaves_a_limit_that_is_not_reached():
    store = Store()
    job = job_in(store, State.DISCARDED)
    store.act([job.id], Retry(), NOW)
    assert row_of(store, job.id, NOW).max_attempts == 25


@pytest.mark.parametrize("when", [at(60), timedelta(minutes=1)])
def test_retry_ahead_is_scheduled(when):
    store = Store()
    job = job_in(store, State.DISCARDED)
    store.act([job.id], Retry(run_at=when), NOW)
    assert row_of(store, job.id, NOW).state is State.SCHEDULED
    assert row_of(store, job.id, at(60)).state is State.AVAILABLE


def test_due_retryable_is_available_and_not_retried():
    store = Store()
    job = job_in(store, State.RETRYABLE)
    assert store.act([job.id], Retry(), at(60)) == [Acted.WRONG_STATE]


def test_amend_moves_a_job_in_time():
    store = Store()
    job = job_in(store, State.AVAILABLE)
    worker = Worker(store)
    store.act([job.id], Amend(run_at=at(60)), NOW)
    assert row_of(store, job.id, NOW).state is State.SCHEDULED
    assert worker.take(now=at(59)) == []
    store.act([job.id], Amend(run_at=at(-5)), NOW)
    assert row_of(store, job.id, NOW).state is State.AVAILABLE
    assert len(worker.take(5)) == 1


def test_amend_changes_the_order():
    store = Store()
    first, second = job_in(store, State.AVAILABLE), job_in(store, State.AVAILABLE)
    store.act([second.id], Amend(priority=5), NOW)
    assert [j.id for j in Worker(store).take(2)] == [second.id, first.id]


def test_amend_of_one_part_leaves_the_other():
    store = Store()
    job = job_in(store, State.SCHEDULED)
    store.act([job.id], Amend(priority=5), NOW)
    store.act([job.id], Amend(run_at=at(90)), NOW)
    row = row_of(store, job.id, NOW)
    assert (row.priority, row.run_at) == (5, at(90))


def test_cancel_of_a_running_job_is_a_request():
    store = Store()
    job = job_in(store, State.RUNNING)
    for _ in range(2):
        assert store.act([job.id], Cancel(), NOW) == [Acted.REQUESTED]
    row = row_of(store, job.id, NOW)
    assert (row.state, row.cancel_requested) == (State.RUNNING, True)


@pytest.mark.parametrize(
    "action",
    [Amend(priority=99), Amend(run_at=datetime(2026, 1, 1)), Retry(run_at=datetime(2026, 1, 1))],
)
def test_bad_values_are_refused_before_anything_is_written(action):
    store = Store()
    job = job_in(store, State.SCHEDULED)
    before = store.get([job.id], NOW)
    with pytest.raises(InvalidArgument):
        store.act([job.id], action, NOW)
    assert store.get([job.id], NOW) == before
