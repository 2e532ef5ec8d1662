from __future__ import annotations

import pytest
from goncordia.actions import Acted, Amend, Cancel, Delete, Retry
from goncordia.answers import Inserted, Insertion
from goncordia.jobs import Conflict, Hold, completed, failed, released
from goncordia.lifecycle import State
from goncordia.memory import Store

from .making import NOW, Worker, at, error, key, new

FAR = at(365 * 86400)


def insert(store: Store, job, now=NOW) -> Inserted:
    return store.insert([job], now=now)[0]


@pytest.mark.parametrize("policy", [Conflict.SKIP, Conflict.RAISE])
def test_second_job_is_skipped_for_the_holder(policy):
    store = Store()
    first, second = new(unique=key("a")), new(unique=key("a", on_conflict=policy))
    insert(store, first)
    assert insert(store, second) == Inserted(second.id, Insertion.SKIPPED, first.id)
    assert store.get([second.id], NOW) == [None]


def test_other_keys_are_other_keys():
    store = Store()
    answers = store.insert([new(unique=key(k)) for k in ("a", "b", "a")], now=NOW)
    assert [a.status for a in answers] == [
        Insertion.CREATED,
        Insertion.CREATED,
        Insertion.SKIPPED,
    ]


def test_resent_unique_insert_is_existing():
    store = Store()
    job = new(unique=key("a", on_conflict=Conflict.REPLACE))
    insert(store, job)
    assert insert(store, job).status is Insertion.EXISTING


@pytest.mark.parametrize("hold", list(Hold))
def test_for_how_long_a_key_is_held(hold):
    store = Store()

    def free() -> bool:
        probe = new(unique=key("a", on_conflict=Conflict.SKIP))
        created = insert(store, probe).status is Insertion.CREATED
        if created:
            store.act([probe.id], Delete(), NOW)
        return created

    insert(store, new(unique=key("a", hold)))
    assert not free()
    [job] = Worker(store).take()
    assert not free()
    store.finish([failed(job, error(), at(9))], now=NOW)
    assert not free()
    [job] = Worker(store).take(now=at(9))
    store.finish([completed(job)], now=NOW)
    assert free() is (hold is Hold.LIVE)
    store.prune(10, FAR)
    assert free() is (hold is not Hold.FOREVER)


@pytest.mark.parametrize(("hold", "freed"), [(Hold.KEPT, True), (Hold.FOREVER, False)])
def test_delete_frees_a_key_unless_held_for_ever(hold, freed):
    store = Store()
    job = new(unique=key("a", hold))
    insert(store, job)
    store.act([job.id], Delete(), NOW)
    answer = insert(store, new(unique=key("a")))
    assert answer.status is (Insertion.CREATED if freed else Insertion.SKIPPED)
    assert answer.other == (None if freed else job.id)


@pytest.mark.parametrize("state", [State.AVAILABLE, State.SCHEDULED, State.RETRYABLE])
def test_replace_cancels_a_waiting_holder_and_takes_its_key(state):
    store = Store()
    old = new(unique=key("a"), run_at=at(60) if state is State.SCHEDULED else None)
    insert(store, old)
    if state is State.RETRYABLE:
        store.finish([failed(Worker(store).take()[0], error(), at(60))], now=NOW)
    newer = new(unique=key("a", on_conflict=Conflict.REPLACE))
    assert insert(store, newer) == Inserted(newer.id, Insertion.REPLACED, old.id)
    rows = store.get([old.id, newer.id], NOW)
    assert [r and r.state for r in rows] == [State.CANCELLED, State.AVAILABLE]
    assert insert(store, new(unique=key("a"))).other == newer.id


def test_replace_never_touches_a_running_job():
    store = Store()
    old = new(unique=key("a"))
    insert(store, old)
    [job] = Worker(store).take()
    newer = new(unique=key("a", on_conflict=Conflict.REPLACE))
    assert insert(store, newer) == Inserted(newer.id, Insertion.SKIPPED, old.id)
    assert store.finish([completed(job)], now=NOW) == ["done"]


@pytest.mark.parametrize("hold", [Hold.KEPT, Hold.FOREVER])
def test_replace_of_an_ended_holder_is_a_skip(hold):
    store = Store()
    old = new(unique=key("a", hold))
    insert(store, old)
    store.finish([completed(Worker(store).one())], now=NOW)
    newer = new(unique=key("a", on_conflict=Conflict.REPLACE))
    assert insert(store, newer).status is Insertion.SKIPPED


def test_replacing_within_one_batch():
    store = Store()
    jobs = [new(unique=key("a", on_conflict=Conflict.REPLACE)) for _ in range(3)]
    answers = store.insert(jobs, now=NOW)
    assert [a.status for a in answers] == [
        Insertion.CREATED,
        Insertion.REPLACED,
        Insertion.REPLACED,
    ]
    assert [j.id for j in Worker(store).take(5)] == [jobs[2].id]


@pytest.mark.parametrize("ending", ["replaced, then pruned", "ended, then deleted"])
def test_only_the_holder_frees_a_key(ending):
    store = Store()
    old = new(unique=key("a"))
    insert(store, old)
    policy = Conflict.REPLACE if ending == "replaced, then pruned" else Conflict.SKIP
    if policy is Conflict.SKIP:
        store.act([old.id], Cancel(), NOW)
    holder = new(unique=key("a", on_conflict=policy), run_at=FAR)
    insert(store, holder)
    if policy is Conflict.REPLACE:
        assert store.prune(10, FAR).n == 1
    else:
        store.act([old.id], Delete(), NOW)
    assert insert(store, new(unique=key("a"))).other == holder.id


def test_retry_takes_the_key_again():
    store = Store()
    job = new(unique=key("a"))
    insert(store, job)
    store.act([job.id], Cancel(), NOW)
    assert store.act([job.id], Retry(), NOW) == [Acted.CHANGED]
    assert insert(store, new(unique=key("a"))).other == job.id


def test_retry_of_a_job_whose_key_is_taken_is_a_conflict():
    store = Store()
    old, newer = new(unique=key("a")), new(unique=key("a"))
    insert(store, old)
    store.act([old.id], Cancel(), NOW)
    insert(store, newer)
    before = store.get([old.id], NOW)
    assert store.act([old.id], Retry(), NOW) == [Acted.CONFLICT]
    assert store.get([old.id], NOW) == before


@pytest.mark.parametrize("hold", list(Hold))
def test_a_jobs_own_key_does_not_stop_its_own_retry(hold):
    store = Store()
    job = new(unique=key("a", hold), run_at=at(60))
    insert(store, job)
    assert store.act([job.id], Retry(), NOW) == [Acted.CHANGED]
    store.finish([completed(Worker(store).one())], now=NOW)
    assert store.act([job.id], Retry(), NOW) == [Acted.CHANGED]


def test_amend_and_release_keep_the_key():
    store = Store()
    job = new(unique=key("a"))
    insert(store, job)
    store.act([job.id], Amend(priority=3), NOW)
    store.finish([released(Worker(store).one())], now=NOW)
    assert insert(store, new(unique=key("a"))).other == job.id


def test_a_follow_up_may_take_the_key_that_its_job_frees():
    store = Store()
    insert(store, new(unique=key("a")))
    then = new("next", unique=key("a"))
    store.finish([completed(Worker(store).take()[0], follow_ups=[then])], now=NOW)
    assert [j.id for j in Worker(store).take()] == [then.id]
