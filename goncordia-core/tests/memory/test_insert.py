from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from goncordia.answers import Filter, Insertion
from goncordia.errors import InvalidArgument
from goncordia.lifecycle import State
from goncordia.memory import Store

from .making import NOW, Worker, at, new, row_of


def test_due_job_is_available_and_keeps_what_it_was_given():
    store = Store()
    job = new("greet", queue="mail", priority=3, tags=("a", "b"), meta=b'{"x":1}', max_attempts=7)
    [answer] = store.insert([job], now=NOW)
    assert answer.status is Insertion.CREATED
    row = row_of(store, job.id, NOW)
    assert (row.state, row.run_at, row.created_at, row.attempt) == (State.AVAILABLE, NOW, NOW, 0)
    assert (row.kind, row.args, row.queue, row.priority) == ("greet", b"{}", "mail", 3)
    assert (row.tags, row.meta, row.max_attempts) == (("a", "b"), b'{"x":1}', 7)


@pytest.mark.parametrize("when", [at(60), timedelta(minutes=1)])
def test_job_ahead_is_scheduled_until_its_time_comes(when):
    store = Store()
    job = new(run_at=when)
    store.insert([job], now=NOW)
    assert [row_of(store, job.id, t).state for t in (NOW, at(59.9), at(60))] == [
        State.SCHEDULED,
        State.SCHEDULED,
        State.AVAILABLE,
    ]


def test_run_at_is_the_instant_not_the_wall_clock_reading():
    west = timezone(timedelta(hours=-8))
    store = Store()
    job = new(run_at=datetime(2025, 12, 31, 16, 30, tzinfo=west))
    store.insert([job], now=NOW)
    assert row_of(store, job.id, NOW).run_at == at(30 * 60)
    assert Worker(store).take() == []


def test_resent_insert_answers_existing_and_changes_nothing():
    store = Store()
    job = new()
    store.insert([job], now=NOW)
    before = store.get([job.id], NOW)
    job.priority = 9
    assert store.insert([job, new()], now=at(5))[0].status is Insertion.EXISTING
    assert store.get([job.id], NOW) == before


def test_the_same_id_twice_in_a_batch_is_one_job():
    store = Store()
    job = new()
    answers = store.insert([job, job], now=NOW)
    assert [a.status for a in answers] == [Insertion.CREATED, Insertion.EXISTING]
    assert len(store.list(Filter(), now=NOW).rows) == 1


def test_a_caller_who_changes_his_job_afterwards_does_not_change_ours():
    store = Store()
    job = new()
    store.insert([job], now=NOW)
    job.args = b"changed"
    assert row_of(store, job.id, NOW).args == b"{}"


def test_naive_time_is_refused_and_nothing_of_the_batch_is_written():
    store = Store()
    with pytest.raises(InvalidArgument, match="no time zone"):
        store.insert([new(), new(run_at=datetime(2026, 1, 1))], now=NOW)
    with pytest.raises(InvalidArgument, match="now="):
        store.insert([new()], now=datetime(2026, 1, 1))
    assert store.list(Filter()).rows == []


def test_without_now_the_wall_clock_rules():
    store = Store()
    job = new()
    before = datetime.now(NOW.tzinfo)
    store.insert([job])
    assert before <= row_of(store, job.id, at(10**9)).created_at <= datetime.now(NOW.tzinfo)
