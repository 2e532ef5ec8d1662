from __future__ import annotations

from datetime import timedelta

from goncordia.actions import Cancel, Retry
from goncordia.answers import Filter, Progress
from goncordia.jobs import completed
from goncordia.memory import Store
from goncordia.retention import Retention

from .making import NOW, Worker, at, new

KEEP = Retention(
    completed=timedelta(minutes=1),
    cancelled=timedelta(minutes=2),
    discarded=timedelta(minutes=3),
)


def test_jobs_go_when_the_retention_of_their_ending_has_passed():
    store = Store(retention=KEEP)
    done, gone, waiting = new(), new(), new(priority=-1)
    store.insert([done, gone, waiting], now=NOW)
    store.act([gone.id], Cancel(), NOW)
    store.finish([completed(Worker(store).one())], now=NOW)
    assert store.prune(10, at(59)) == Progress(0)
    assert store.prune(10, at(60)) == Progress(1)
    assert store.get([done.id], NOW) == [None]
    assert store.prune(10, at(120)) == Progress(1)
    assert [row.id for row in store.list(Filter()).rows] == [waiting.id]


def test_prune_is_bounded_and_says_whether_there_is_more():
    store = Store(retention=KEEP)
    jobs = [new() for _ in range(5)]
    store.insert(jobs, now=NOW)
    store.act([job.id for job in jobs], Cancel(), NOW)
    assert store.prune(2, at(120)) == Progress(2, more=True)
    assert store.prune(3, at(120)) == Progress(3, more=False)


def test_a_retried_job_is_not_pruned_by_its_old_ending():
    store = Store(retention=KEEP)
    job = new()
    store.insert([job], now=NOW)
    store.act([job.id], Cancel(), NOW)
    store.act([job.id], Retry(), NOW)
    assert store.prune(10, at(3600)) == Progress(0)
    store.act([job.id], Cancel(), at(3600))
    assert store.prune(10, at(3600 + 119)) == Progress(0)
    assert store.prune(10, at(3600 + 120)) == Progress(1)


def test_a_job_that_ended_twice_in_time_for_one_expiry_is_pruned_once():
    store = Store(retention=KEEP)
    job = new()
    store.insert([job], now=NOW)
    for _ in range(2):
        store.act([job.id], Cancel(), NOW)
        store.act([job.id], Retry(), NOW)
    store.act([job.id], Cancel(), NOW)
    assert store.prune(1, at(120)) == Progress(1)
