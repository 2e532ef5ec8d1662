"""Counts, kinds, queues."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest
from goncordia.actions import Cancel, Delete
from goncordia.answers import Count, Queue, QueueChange
from goncordia.errors import InvalidArgument
from goncordia.jobs import Conflict, completed, failed
from goncordia.lifecycle import State
from goncordia.memory import STRONG, Store

from .making import NOW, Worker, at, error, key, new


def counts(store: Store, *queues: str, now=NOW) -> dict[tuple[str, str], int]:
    return {(c.queue, c.state.value): c.n for c in store.stats(queues, now)}


def test_counts_follow_each_step():
    store = Store()
    jobs = [new() for _ in range(4)]
    store.insert([*jobs, new(run_at=at(60))], now=NOW)
    assert counts(store) == {("default", "available"): 4, ("default", "scheduled"): 1}
    one, two, _ = Worker(store).take(3)
    store.finish([completed(one), failed(two, error(), at(60))], now=NOW)
    store.act([jobs[3].id], Cancel(), NOW)
    assert counts(store) == {
        ("default", "completed"): 1,
        ("default", "retryable"): 1,
        ("default", "running"): 1,
        ("default", "cancelled"): 1,
        ("default", "scheduled"): 1,
    }
    store.act([one.id], Delete(), NOW)
    assert counts(store, now=at(60)) == {
        ("default", "available"): 2,
        ("default", "running"): 1,
        ("default", "cancelled"): 1,
    }


def test_counts_are_as_visible_also_when_one_looks_back():
    store = Store()
    store.insert([new(run_at=at(60)), new(run_at=at(90))], now=NOW)
    for seconds, due in ((0, 0), (60, 1), (90, 2), (60, 1), (0, 0), (89, 1)):
        assert counts(store, now=at(seconds)).get(("default", "available"), 0) == due


def test_counts_of_some_queues():
    store = Store()
    store.insert([new(queue=q) for q in "abb"], now=NOW)
    assert store.stats(["b", "nobody"], NOW) == [Count("b", State.AVAILABLE, 2, oldest=NOW)]
    assert set(counts(store)) == {("a", "available"), ("b", "available")}


def oldest(store: Store, now=NOW) -> datetime | None:
    [due] = [c.oldest for c in store.stats(now=now) if c.state is State.AVAILABLE]
    return due


def test_the_oldest_is_known_whatever_becomes_of_the_others():
    store = Store()
    jobs = [new(priority=n % 7, run_at=at(n - 300)) for n in range(300)]
    store.insert(jobs, now=at(-1000))
    assert oldest(store) == at(-300)
    for n in range(20, 300, 20):
        store.act([job.id for job in jobs[n - 20 : n]], Cancel(), NOW)
        assert oldest(store) == at(n - 300)
        extra = [new() for _ in range(70)]
        store.insert(extra, now=NOW)
        store.act([job.id for job in extra], Delete(), NOW)
        assert oldest(store) == at(n - 300)


def test_the_oldest_may_be_one_that_claims_do_not_see_yet():
    store = Store(capabilities=replace(STRONG, claim_sees="eventual"))
    store.insert([new()], now=at(-5))
    assert oldest(store) == at(-5)
    store.insert([new(run_at=at(-9))], now=at(-3))
    assert oldest(store) == at(-9)


def test_the_oldest_may_be_locked_by_an_open_transaction():
    store = Store()
    store.insert([new(unique=key("k"), run_at=at(-9)), new()], now=NOW)
    with store.begin() as tx:
        store.insert([new(unique=key("k", on_conflict=Conflict.REPLACE))], tx, NOW)
        assert len(Worker(store).take(2)) == 1  # it passes over the locked one
        assert oldest(store) == at(-9)
    assert oldest(store) == NOW


def test_no_job_has_waited_before_its_time():
    store = Store()
    store.insert([new()], now=NOW)
    assert oldest(store, at(-1)) is None
    store.insert([new(run_at=at(60))], now=NOW)
    assert (oldest(store, at(90)), oldest(store, at(-1)), oldest(store)) == (NOW, None, NOW)


def test_kinds_are_those_of_waiting_jobs():
    store = Store()
    c, a = new("c"), new("a", run_at=at(60))
    store.insert([c, a, new("b", priority=9)], now=NOW)
    assert store.kinds() == ["a", "b", "c"]
    assert store.kinds(2) == ["a", "b"]
    [b] = Worker(store).take()
    assert store.kinds() == ["a", "c"]
    store.finish([failed(b, error(), at(9))], now=NOW)
    store.act([a.id], Delete(), NOW)
    assert store.kinds() == ["b", "c"]


def test_queues_are_those_ever_used_or_paused():
    store = Store()
    job = new(queue="b")
    store.insert([job], now=NOW)
    store.act([job.id], Delete(), NOW)
    assert store.queues(QueueChange("a", paused=True), at(1)) == [Queue("a", at(1)), Queue("b")]
    assert store.queues(QueueChange("a", paused=True), at(2))[0].paused_at == at(1)
    assert store.queues(QueueChange("a", paused=False), at(3)) == [Queue("a"), Queue("b")]


def test_a_queue_with_a_bad_name_is_refused():
    with pytest.raises(InvalidArgument, match="queue="):
        Store().queues(QueueChange("no spaces", paused=True), NOW)
