from __future__ import annotations

from datetime import timedelta

import pytest
from goncordia.actions import Cancel, Delete, Retry
from goncordia.answers import Finished
from goncordia.jobs import (
    KEPT_ERRORS,
    cancelled,
    completed,
    discarded,
    failed,
    released,
    snoozed,
)
from goncordia.lifecycle import State
from goncordia.memory import Store
from goncordia.retention import Retention

from .making import NOW, Worker, at, error, fails, is_cancelled, is_discarded, new, row_of, snoozes


def run(store: Store, **fields):
    """A running job and its worker."""
    store.insert([new(**fields)], now=NOW)
    worker = Worker(store)
    return worker.take()[0], worker


def after(store: Store, outcome, now=NOW):
    assert store.finish([outcome], now=now) == [Finished.DONE]
    row = row_of(store, outcome.id, now)
    assert row.session is None or row.state is State.RUNNING
    return row


def test_completed_job_keeps_its_result_and_expires():
    store = Store(retention=Retention(completed=timedelta(hours=1)))
    job, _ = run(store)
    row = after(store, completed(job, b"42"), at(3))
    assert (row.state, row.result, row.finished_at) == (State.COMPLETED, b"42", at(3))
    assert row.expire_at == at(3 + 3600)


def test_failed_job_waits_for_its_next_attempt():
    store = Store()
    job, worker = run(store)
    row = after(store, failed(job, error(), timedelta(seconds=9)), at(1))
    assert (row.state, row.run_at, row.errors) == (State.RETRYABLE, at(10), (error(),))
    assert worker.take(now=at(9)) == []
    [again] = worker.take(now=at(10))
    assert again.attempt == 2


def test_failed_job_is_discarded_when_its_attempts_are_spent():
    store = Store()
    job, _ = run(store, max_attempts=1)
    row = after(store, failed(job, error(), at(5)))
    assert (row.state, row.finished_at, row.errors) == (State.DISCARDED, NOW, (error(),))


def test_final_error_discards_at_once():
    store = Store()
    job, _ = run(store)
    assert after(store, discarded(job, error())).state is State.DISCARDED


def test_snoozed_job_gets_its_attempt_back():
    store = Store()
    job, worker = run(store)
    row = after(store, snoozed(job, at(30)))
    assert (row.state, row.attempt, row.snoozes, row.run_at) == (State.SCHEDULED, 0, 1, at(30))
    [again] = worker.take(now=at(30))
    assert (again.attempt, again.snoozes) == (1, 1)


@pytest.mark.parametrize("when", [at(-60), timedelta(0), timedelta(milliseconds=10)])
def test_snooze_is_at_least_a_second(when):
    store = Store()
    job, _ = run(store)
    assert after(store, snoozed(job, when)).run_at == at(1)


def test_released_job_is_as_if_never_claimed():
    store = Store()
    job, _ = run(store)
    row = after(store, released(job))
    assert (row.state, row.attempt, row.run_at, row.errors) == (State.AVAILABLE, 0, NOW, ())


def test_cancelled_job_keeps_its_error():
    store = Store()
    job, _ = run(store)
    row = after(store, cancelled(job, error()))
    assert (row.state, row.errors) == (State.CANCELLED, (error(),))


@pytest.mark.parametrize(
    "outcome",
    [fails, snoozes, released],
)
def test_asked_to_stop_it_ends_cancelled(outcome):
    store = Store()
    job, worker = run(store)
    store.act([job.id], Cancel(), NOW)
    assert after(store, outcome(job)).state is State.CANCELLED
    assert worker.take(now=at(99)) == []


def test_asked_to_stop_but_done_it_is_completed():
    store = Store()
    job, _ = run(store)
    store.act([job.id], Cancel(), NOW)
    assert after(store, completed(job)).state is State.COMPLETED


def test_stale_token_changes_nothing():
    store = Store()
    job, worker = run(store)
    store.leave(worker.session)
    store.rescue(10, now=NOW)
    row = row_of(store, job.id, NOW)
    new_holder = Worker(store)
    [again] = new_holder.take(now=at(3600))
    for outcome in (completed(job), failed(job, error(), at(1)), released(job)):
        assert store.finish([outcome], now=at(3600)) == [Finished.LOST]
    assert row.state is State.RETRYABLE
    assert store.finish([completed(again)], now=at(3600)) == [Finished.DONE]


def test_job_that_is_gone():
    store = Store()
    job, _ = run(store)
    store.finish([completed(job)], now=NOW)
    store.act([job.id], Delete(), NOW)
    assert store.finish([completed(job)], now=NOW) == [Finished.GONE]


@pytest.mark.parametrize(
    "outcome",
    [completed, fails, is_discarded, is_cancelled, snoozes, released],
)
def test_resent_outcome_is_done_and_another_one_lost(outcome):
    store = Store()
    job, worker = run(store)
    row = after(store, outcome(job))
    assert store.finish([outcome(job)], now=at(1)) == [Finished.DONE]
    assert store.get([job.id], NOW) == [row]
    others = {completed(job).event: completed(job), released(job).event: released(job)}
    others.pop(outcome(job).event, None)
    for other in others.values():
        assert store.finish([other], now=at(1)) == [Finished.LOST]
    if row.state not in (State.COMPLETED, State.DISCARDED, State.CANCELLED):
        worker.take(now=at(60))
        assert store.finish([outcome(job)], now=at(60)) == [Finished.DONE]


def test_retry_makes_a_resent_outcome_lost():
    store = Store()
    job, _ = run(store)
    after(store, completed(job))
    store.act([job.id], Retry(), NOW)
    assert store.finish([completed(job)], now=NOW) == [Finished.LOST]


def test_follow_ups_come_with_the_outcome_and_once():
    store = Store()
    job, worker = run(store)
    then = new("next")
    after(store, completed(job, follow_ups=[then]))
    assert store.finish([completed(job, follow_ups=[then])], now=NOW) == [Finished.DONE]
    assert [j.id for j in worker.take(5)] == [then.id]


def test_follow_ups_of_a_lost_outcome_are_not_inserted():
    store = Store()
    job, worker = run(store)
    store.leave(worker.session)
    store.rescue(1, now=NOW)
    then = new("next")
    assert store.finish([completed(job, follow_ups=[then])], now=NOW) == [Finished.LOST]
    assert store.get([then.id], NOW) == [None]


def test_a_batch_is_answered_by_job():
    store = Store()
    store.insert([new() for _ in range(3)], now=NOW)
    one, two, three = Worker(store).take(3)
    store.finish([released(two)], now=NOW)
    answers = store.finish([completed(one), completed(two), completed(three)], now=NOW)
    assert answers == [Finished.DONE, Finished.LOST, Finished.DONE]


def test_kept_errors_are_the_last_ones():
    store = Store()
    job, worker = run(store, max_attempts=KEPT_ERRORS + 5)
    for n in range(KEPT_ERRORS + 4):
        store.finish([failed(job, error(n), at(-1))], now=NOW)
        [job] = worker.take()
    row = row_of(store, job.id, NOW)
    assert [e.attempt for e in row.errors] == list(range(4, KEPT_ERRORS + 4))
