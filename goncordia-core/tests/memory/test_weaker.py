"""Memory as a weaker store: what it does not promise is refused, or not kept."""

from __future__ import annotations

import dataclasses
from contextlib import contextmanager, suppress
from uuid import UUID

import pytest
from goncordia.actions import Cancel
from goncordia.answers import Filter, Finished, Insertion
from goncordia.errors import (
    CapabilityMissing,
    TransactionConflict,
    TransactionsUnsupported,
)
from goncordia.jobs import Conflict, completed, released
from goncordia.lifecycle import State
from goncordia.memory import STRONG, Store

from .making import NOW, Worker, at, key, new


def store(**promises) -> Store:
    return Store(dataclasses.replace(STRONG, **promises))


@contextmanager
def conflicting(s: Store):
    with pytest.raises(TransactionConflict, match="rerun"), s.begin() as tx:
        yield tx


def staged() -> Store:
    return store(tx_insert="staged", tx_finish="staged")


def states(store: Store, *jobs) -> list[State | None]:
    return [row and row.state for row in store.get([job.id for job in jobs], NOW)]


# Staged transactions


def test_staged_work_is_decided_by_the_commit():
    s = staged()
    s.insert([new()], now=NOW)
    [job] = Worker(s).take()
    added, then = new(), new()
    with s.begin() as tx:
        [answer] = s.insert([added], tx, NOW)
        assert answer.status is Insertion.STAGED
        outcome = completed(job, follow_ups=[then])
        assert s.finish([outcome], tx, NOW) == [Finished.STAGED]
        assert states(s, job, added, then) == [State.RUNNING, None, None]
    assert states(s, job, added, then) == [State.COMPLETED, State.AVAILABLE, State.AVAILABLE]


def test_rolled_back_staged_work_never_was():
    s = staged()
    job = new(unique=key("a"))
    with suppress(ZeroDivisionError), s.begin() as tx:
        s.insert([job], tx, NOW)
        raise ZeroDivisionError
    assert s.insert([job], now=NOW)[0].status is Insertion.CREATED


def test_staged_work_locks_nothing():
    s = staged()
    s.insert([new()], now=NOW)
    [job] = Worker(s).take()
    with conflicting(s) as tx:
        s.finish([completed(job)], tx, NOW)
        assert s.finish([completed(job)], now=NOW) == [Finished.DONE]
        s.finish([completed(job)], tx, NOW)
        s.insert([added := new(), late := new()], tx, NOW)
        s.insert([late], now=NOW)
    assert states(s, added, late) == [None, State.AVAILABLE]


def test_a_stale_fence_aborts_the_commit():
    s = staged()
    s.insert([new()], now=NOW)
    worker = Worker(s)
    [job] = worker.take()
    added = new()
    with conflicting(s) as tx:
        s.insert([added], tx, NOW)
        s.finish([completed(job)], tx, NOW)
        s.leave(worker.session)
        s.rescue(1, now=NOW)
    assert states(s, added) == [None]


def test_staged_unique_reads_first_and_is_decided_at_the_commit():
    s = staged()
    holder, skipped = new(unique=key("a")), new(unique=key("a"))
    s.insert([holder], now=NOW)
    with s.begin() as tx:
        [answer] = s.insert([skipped], tx, NOW)
        assert (answer.status, answer.other) == (Insertion.SKIPPED, holder.id)
        [answer] = s.insert([replacing := new(unique=key("a", on_conflict=Conflict.REPLACE))], tx)
        assert answer.status is Insertion.STAGED
    assert states(s, holder, skipped, replacing) == [State.CANCELLED, None, State.AVAILABLE]


def test_a_lost_race_for_a_key_aborts_the_commit_and_a_rerun_is_skipped():
    s = staged()
    winner = new(unique=key("a"))

    def enqueue():
        with s.begin() as tx:
            [answer] = s.insert([new(unique=key("a"))], tx, NOW)
            s.insert([winner], now=NOW)
            return answer

    with pytest.raises(TransactionConflict):
        enqueue()
    assert (enqueue().status, enqueue().other) == (Insertion.SKIPPED, winner.id)


def test_one_staged_insert_sees_another_of_its_transaction():
    s = staged()
    first = new(unique=key("a"))
    with s.begin() as tx:
        s.insert([first], tx, NOW)
        [answer] = s.insert([new(unique=key("a"))], tx, NOW)
        assert (answer.status, answer.other) == (Insertion.SKIPPED, first.id)
        assert s.insert([first], tx, NOW)[0].status is Insertion.EXISTING
    assert states(s, first) == [State.AVAILABLE]


def test_a_key_that_a_follow_up_is_about_to_take_aborts_a_staged_insert():
    s = store(tx_insert="staged")
    s.insert([new()], now=NOW)
    outcome = completed(Worker(s).one(), follow_ups=[then := new(unique=key("a"))])
    late = new(unique=key("a"))
    with s.begin() as tx:
        assert s.finish([outcome], tx, NOW) == [Finished.DONE]
        with conflicting(s) as other:
            s.insert([late], other, NOW)
    assert states(s, then, late) == [State.AVAILABLE, None]


# What is refused


def test_no_transactions():
    s = store(tx_insert="none", tx_finish="none")
    assert s.handles == ()
    s.insert([new()], now=NOW)
    [job] = Worker(s).take()
    with s.begin() as tx:
        with pytest.raises(TransactionsUnsupported) as raised:
            s.insert([new()], tx, NOW)
        assert raised.value.capability == "tx_insert"
        with pytest.raises(TransactionsUnsupported):
            s.finish([completed(job)], tx, NOW)


def test_inserts_only_in_transactions():
    s = store(tx_finish="none")
    s.insert([new()], now=NOW)
    [job] = Worker(s).take()
    with s.begin() as tx:
        s.insert([new()], tx, NOW)
        with pytest.raises(TransactionsUnsupported, match="tx_finish"):
            s.finish([completed(job)], tx, NOW)


def test_no_unique_keys():
    s = store(unique=False)
    with pytest.raises(CapabilityMissing) as raised:
        s.insert([new(), new(unique=key("a"))], now=NOW)
    assert raised.value.capability == "unique"
    assert s.list(Filter()).rows == []


def test_no_unique_keys_in_transactions():
    s = store(tx_unique=False)
    s.insert([new(unique=key("a"))], now=NOW)
    with s.begin() as tx:
        s.insert([new()], tx, NOW)
        with pytest.raises(CapabilityMissing) as raised:
            s.insert([new(unique=key("b"))], tx, NOW)
    assert raised.value.capability == "tx_unique"


def test_no_follow_ups():
    s = store(follow_up=False)
    s.insert([new()], now=NOW)
    [job] = Worker(s).take()
    with pytest.raises(CapabilityMissing, match="follow-up"):
        s.finish([completed(job, follow_ups=[new()])], now=NOW)
    assert s.finish([completed(job)], now=NOW) == [Finished.DONE]


def test_no_unique_follow_ups_without_unique_keys():
    s = store(unique=False)
    s.insert([new()], now=NOW)
    [job] = Worker(s).take()
    with pytest.raises(CapabilityMissing, match="unique"):
        s.finish([completed(job, follow_ups=[new(unique=key("a"))])], now=NOW)


def test_no_counts():
    with pytest.raises(CapabilityMissing, match="count"):
        store(counts="absent").stats()


# What is kept less well


def test_approximate_counts_say_so():
    s = store(counts="approximate")
    s.insert([new() for _ in range(23)], now=NOW)
    [count] = s.stats((), NOW)
    assert (count.how, count.n) == ("approximate", 30)


@pytest.mark.parametrize("settled", [True, False])
def test_a_claim_sees_an_insert_late(settled):
    s = store(claim_sees="eventual")
    worker = Worker(s)
    job = new()
    s.insert([job], now=NOW)
    assert worker.take() == []
    assert states(s, job) == [State.AVAILABLE]
    if settled:
        s.settle()
    else:
        worker.take()
    assert [j.id for j in worker.take()] == [job.id]


def test_a_job_ahead_is_seen_before_its_time():
    s = store(claim_sees="eventual")
    s.insert([new(run_at=at(60))], now=NOW)
    assert Worker(s).claim().next_due_in == 60


def test_a_job_that_was_seen_once_is_seen_at_once_again():
    s = store(claim_sees="eventual")
    s.insert([new()], now=NOW)
    s.settle()
    worker = Worker(s)
    s.finish([released(worker.one())], now=NOW)
    assert len(worker.take()) == 1


def test_a_job_cancelled_before_it_was_seen_is_never_claimed():
    s = store(claim_sees="eventual")
    job = new()
    s.insert([job], now=NOW)
    s.act([job.id], Cancel(), NOW)
    s.settle()
    assert Worker(s).take() == []


def claimed(s: Store) -> list[tuple[int, UUID]]:
    jobs = [new(priority=i % 2) for i in range(50)]
    s.insert(jobs, now=NOW)
    taken = Worker(s).take(50)
    assert {j.id for j in taken} == {j.id for j in jobs}
    return [(-j.priority, j.id) for j in taken]


@pytest.mark.parametrize("order", ["strict", "window", "none"])
def test_order_is_as_good_as_promised(order):
    places = claimed(store(order=order))
    priorities = [priority for priority, _ in places]
    assert (priorities == sorted(priorities)) is (order != "none")
    assert (places == sorted(places)) is (order == "strict")
