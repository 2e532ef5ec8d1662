"""Counts, kinds, queues."""

from __future__ import annotations

import pytest
from goncordia.actions import Cancel, Delete
from goncordia.answers import Count, Queue, QueueChange
from goncordia.errors import InvalidArgument
from goncordia.jobs import completed, failed
from goncordia.lifecycle import State
from goncordia.memory import Store

from .making import NOW, Worker, at, error, new


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
    assert store.stats(["b", "nobody"], NOW) == [Count("b", State.AVAILABLE, 2)]
    assert set(counts(store)) == {("a", "available"), ("b", "available")}


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
