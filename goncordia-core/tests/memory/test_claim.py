from __future__ import annotations

from uuid import uuid4

import pytest
from goncordia.actions import Amend, Cancel, Retry
from goncordia.answers import QueueChange
from goncordia.errors import SessionLost
from goncordia.ids import uuid7
from goncordia.jobs import completed, failed, released
from goncordia.lifecycle import State
from goncordia.memory import Store
from goncordia.sessions import Claim

from .making import NOW, Worker, at, error, new, row_of


def test_order_is_priority_then_run_at_then_id():
    store = Store()
    first = new(run_at=at(-1), priority=1)
    second, third = new(run_at=at(-5)), new(run_at=at(-5))
    fourth = new(run_at=at(-1))
    last = new(run_at=at(-9), priority=-16)
    store.insert([last, fourth, third, second, first], now=NOW)
    claimed = Worker(store).take(5)
    assert [j.id for j in claimed] == [j.id for j in (first, second, third, fourth, last)]


def test_order_holds_across_claims_and_late_arrivals():
    store = Store()
    worker = Worker(store)
    late, early = new(run_at=at(-1)), new(run_at=at(-2))
    store.insert([late], now=NOW)
    store.insert([early], now=NOW)
    assert [worker.take()[0].id, worker.take()[0].id] == [early.id, late.id]


def test_claim_counts_the_attempt_and_names_the_session():
    store = Store()
    job = new(kind="greet", tags=("a",), meta=b"{}")
    store.insert([job], now=NOW)
    worker = Worker(store)
    claims = worker.claim(now=at(1))
    [claimed] = claims.jobs
    assert (claimed.attempt, claimed.kind, claimed.queue) == (1, "greet", "default")
    row = row_of(store, job.id, at(1))
    assert (row.state, row.session, row.attempted_at) == (State.RUNNING, worker.session, at(1))


def test_each_queue_gives_at_most_what_is_wanted_of_it():
    store = Store()
    store.insert([new(queue=q) for q in ("a", "a", "a", "b", "b", "c")], now=NOW)
    worker = Worker(store)
    claims = store.claim(Claim(uuid4(), worker.session, {"a": 2, "b": 5, "nobody": 3}), NOW)
    assert sorted(j.queue for j in claims.jobs) == ["a", "a", "b", "b"]
    assert claims.more
    claims = store.claim(Claim(uuid4(), worker.session, {"a": 2}), NOW)
    assert (len(claims.jobs), claims.more) == (1, False)


def test_nothing_is_claimed_twice():
    store = Store()
    store.insert([new() for _ in range(10)], now=NOW)
    one, two = Worker(store), Worker(store)
    ids = [j.id for w in (one, two, one) for j in w.take(4)]
    assert len(ids) == len(set(ids)) == 10


def test_next_due_is_told_for_the_wanted_queues_only():
    store = Store()
    store.insert([new(run_at=at(90)), new(run_at=at(30)), new(queue="b", run_at=at(5))], now=NOW)
    worker = Worker(store)
    assert worker.claim(now=NOW).next_due_in == 30
    assert worker.claim(now=at(30)).next_due_in == 60
    assert worker.claim(queue="c", now=NOW).next_due_in is None
    for both in ({"default": 1, "b": 1}, {"b": 1, "default": 1}):
        assert store.claim(Claim(uuid4(), worker.session, both), NOW).next_due_in == 5


def test_next_due_forgets_a_job_that_was_cancelled():
    store = Store()
    soon, late = new(run_at=at(5)), new(run_at=at(50))
    store.insert([soon, late], now=NOW)
    store.act([soon.id], Cancel(), NOW)
    assert Worker(store).claim().next_due_in == 50


@pytest.mark.parametrize("later", [40, 60])
def test_next_due_follows_an_amended_job(later):
    store = Store()
    job = new(run_at=at(50))
    store.insert([job], now=NOW)
    store.act([job.id], Amend(run_at=at(later)), NOW)
    assert Worker(store).claim().next_due_in == later


def test_paused_queue_takes_jobs_and_gives_none():
    store = Store()
    worker = Worker(store)
    store.queues(QueueChange("default", paused=True), NOW)
    store.insert([new(), new(run_at=at(5))], now=NOW)
    claims = worker.claim(5, now=at(9))
    assert (claims.jobs, claims.more, claims.next_due_in) == ([], False, None)
    store.queues(QueueChange("default", paused=False), at(9))
    assert len(worker.take(5, now=at(9))) == 2


def test_resent_claim_gives_back_what_its_token_holds():
    store = Store()
    store.insert([new() for _ in range(5)], now=NOW)
    worker, token = Worker(store), uuid7()
    first = worker.claim(2, token=token)
    again = worker.claim(2, token=token, resend=True)
    assert again.jobs == first.jobs
    assert again.more
    more = worker.claim(3, token=token, resend=True)
    assert more.jobs[:2] == first.jobs
    assert len(more.jobs) == 3
    assert all(job.attempt == 1 for job in more.jobs)


def test_resent_claim_whose_first_try_never_came_takes_jobs():
    store = Store()
    store.insert([new()], now=NOW)
    assert len(Worker(store).claim(2, resend=True).jobs) == 1


def test_resent_claim_does_not_give_back_what_was_finished():
    store = Store()
    store.insert([new(), new()], now=NOW)
    worker, token = Worker(store), uuid7()
    done, kept = worker.claim(2, token=token).jobs
    store.finish([completed(done)], now=NOW)
    assert worker.claim(2, token=token, resend=True).jobs == [kept]


@pytest.mark.parametrize("ending", ["unknown", "left", "left with a job"])
def test_claim_needs_a_living_session(ending):
    store = Store()
    store.insert([new(), new()], now=NOW)
    worker = Worker(store)
    if ending == "left with a job":
        worker.one()
    store.leave(worker.session)
    if ending == "unknown":
        worker.session = uuid4()
    with pytest.raises(SessionLost, match="join again"):
        worker.take()


def test_claim_clears_an_old_cancel_request():
    store = Store()
    store.insert([new(max_attempts=1)], now=NOW)
    worker = Worker(store)
    [job] = worker.take()
    store.act([job.id], Cancel(), NOW)
    store.finish([completed(job)], now=NOW)
    assert row_of(store, job.id, NOW).cancel_requested
    store.act([job.id], Retry(), NOW)
    worker.take()
    assert not row_of(store, job.id, NOW).cancel_requested


def test_job_retried_earlier_than_it_was_due_is_claimed_once():
    store = Store()
    store.insert([new()], now=NOW)
    worker = Worker(store)
    for n in range(3):
        [job] = worker.take()
        assert worker.take() == []
        assert job.attempt == n + 1
        store.finish([failed(job, error(), at(-1))], now=NOW)


def test_released_job_comes_back_with_its_attempt():
    store = Store()
    store.insert([new()], now=NOW)
    worker = Worker(store)
    for _ in range(3):
        [job] = worker.take()
        assert job.attempt == 1
        store.finish([released(job)], now=NOW)


def test_a_look_ahead_in_time_makes_nothing_due_before_its_time():
    store = Store()
    store.insert([new(run_at=at(60))], now=NOW)
    worker = Worker(store)
    store.stats(now=at(600))
    claims = worker.claim(now=at(1))
    assert (claims.jobs, claims.next_due_in) == ([], 59)
    assert len(worker.take(now=at(60))) == 1
