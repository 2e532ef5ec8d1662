from __future__ import annotations

from contextlib import contextmanager
from datetime import datetime
from uuid import UUID

import anyio
import pytest
from goncordia.actions import Acted, Amend, Cancel, Delete, Retry
from goncordia.answers import Filter, Finished, Insertion, Progress
from goncordia.errors import HandleMismatch, InvalidArgument, TransactionConflict, Unavailable
from goncordia.jobs import Conflict, Hold, completed, failed
from goncordia.lifecycle import State
from goncordia.memory import MemoryDriver, Store, SyncMemoryDriver
from goncordia.retention import RESEND_WINDOW

from .making import NOW, Worker, at, error, key, new, row_of


class RolledBack(Exception):
    pass


@contextmanager
def rolled_back(store: Store):
    try:
        with store.begin() as tx:
            yield tx
            raise RolledBack
    except RolledBack:
        pass


@contextmanager
def conflicting(store: Store):
    with pytest.raises(TransactionConflict, match="rerun"), store.begin() as tx:
        yield tx


def ids(store: Store) -> set[UUID]:
    return {row.id for row in store.list(Filter(), now=NOW).rows}


def running(store: Store, **fields):
    store.insert([new(**fields)], now=NOW)
    worker = Worker(store)
    return worker.take()[0], worker


# Inserts


def test_nobody_sees_an_insert_before_the_commit():
    store = Store()
    worker = Worker(store)
    job = new("secret", queue="hidden")
    with store.begin() as tx:
        assert store.insert([job], tx, NOW)[0].status is Insertion.CREATED
        assert store.insert([job], tx, NOW)[0].status is Insertion.EXISTING
        assert store.get([job.id], NOW) == [None]
        assert (store.stats((), NOW), store.kinds(), store.queues()) == ([], [], [])
        assert worker.take(1, "hidden") == []
    assert [j.id for j in worker.take(1, "hidden")] == [job.id]


@pytest.mark.parametrize("how", [RolledBack, KeyboardInterrupt])
def test_an_exception_rolls_back_and_is_raised(how):
    store = Store()
    job = new(unique=key("a"))

    def fails():
        with store.begin() as tx:
            store.insert([job], tx, NOW)
            raise how

    with pytest.raises(how):
        fails()
    assert ids(store) == set()
    assert store.insert([job], now=NOW)[0].status is Insertion.CREATED


@pytest.mark.anyio
async def test_cancellation_rolls_back_also_at_the_commit():
    driver = MemoryDriver()
    for inside in (True, False):
        with anyio.CancelScope() as scope:
            async with driver.begin() as tx:
                await driver.insert([new(unique=key("a"))], tx=tx)
                scope.cancel()
                if inside:
                    await anyio.lowlevel.checkpoint()
        assert ids(driver.store) == set()
        [answer] = await driver.insert([probe := new(unique=key("a"))])
        assert answer.status is Insertion.CREATED
        await driver.act([probe.id], Delete())


@pytest.mark.anyio
async def test_async_and_sync_drivers_take_one_kind_of_tx():
    driver = MemoryDriver()
    sync = driver.sync()
    one, two = new(), new()
    with sync.begin() as tx:
        await driver.insert([one], tx=tx)
    async with driver.begin() as tx:
        sync.insert([two], tx=tx)
    assert ids(driver.store) == {one.id, two.id}


# Finishes


def test_finish_is_seen_at_the_commit_and_with_it_the_inserts():
    store = Store()
    job, _ = running(store)
    then, other = new("next"), new()
    with store.begin() as tx:
        outcome = completed(job, b"1", follow_ups=[then])
        assert store.finish([outcome], tx, NOW) == [Finished.DONE]
        assert store.finish([outcome], tx, NOW) == [Finished.DONE]
        assert store.finish([failed(job, error(), NOW)], tx, NOW) == [Finished.LOST]
        store.insert([other], tx, NOW)
        assert row_of(store, job.id, NOW).state is State.RUNNING
    assert row_of(store, job.id, NOW).state is State.COMPLETED
    assert ids(store) == {job.id, then.id, other.id}
    assert store.finish([completed(job, b"1")], now=NOW) == [Finished.DONE]


def test_rolled_back_finish_never_was():
    store = Store()
    job, worker = running(store)
    with rolled_back(store) as tx:
        store.finish([completed(job)], tx, NOW)
    assert row_of(store, job.id).session == worker.session
    assert store.beat(worker.session, [job.token], at(1)).alive
    assert store.finish([completed(job)], now=NOW) == [Finished.DONE]


def test_fence_holds_in_a_transaction():
    store = Store()
    job, worker = running(store)
    store.leave(worker.session)
    store.rescue(1, now=NOW)
    with store.begin() as tx:
        assert store.finish([completed(job)], tx, NOW) == [Finished.LOST]
    assert row_of(store, job.id, NOW).state is State.RETRYABLE


def test_a_bad_time_is_refused_before_the_transaction_is_half_written():
    store = Store()
    store.insert([new(), new()], now=NOW)
    good, bad = Worker(store).take(2)
    naive = datetime(2026, 1, 1)
    with store.begin() as tx:
        with pytest.raises(InvalidArgument, match="no time zone"):
            store.finish([completed(good), failed(bad, error(), naive)], tx, NOW)
        with pytest.raises(InvalidArgument, match="no time zone"):
            store.finish([completed(good, follow_ups=[new(run_at=naive)])], tx, NOW)
        with pytest.raises(InvalidArgument, match="no time zone"):
            store.insert([new(), new(run_at=naive)], tx, NOW)
    assert [row_of(store, job.id).state for job in (good, bad)] == [State.RUNNING] * 2
    assert ids(store) == {good.id, bad.id}


# Locks: nobody waits


@pytest.mark.parametrize("commits", [True, False])
def test_a_row_under_a_transaction_is_busy_for_everybody_else(commits):
    store = Store()
    job, worker = running(store)
    with store.begin() if commits else rolled_back(store) as tx:
        store.finish([completed(job)], tx, NOW)
        assert store.finish([completed(job)], now=NOW) == [Finished.BUSY]
        with store.begin() as other:
            assert store.finish([completed(job)], other, NOW) == [Finished.BUSY]
        for action in (Cancel(), Retry(), Amend(priority=1), Delete()):
            assert store.act([job.id], action, NOW) == [Acted.BUSY]
        store.beat(worker.session, [], NOW + 2 * RESEND_WINDOW)
        store.leave(worker.session)
        assert store.rescue(10, now=NOW) == Progress(0, more=False)
    assert store.rescue(10, now=NOW) == Progress(0 if commits else 1)


def test_a_busy_row_does_not_hold_up_its_neighbours():
    store = Store()
    store.insert([new(), new()], now=NOW)
    worker = Worker(store)
    one, two = worker.take(2)
    with store.begin() as tx:
        store.finish([completed(one)], tx, NOW)
        answers = store.finish([completed(one), completed(two)], now=NOW)
        assert answers == [Finished.BUSY, Finished.DONE]


@pytest.mark.parametrize("commits", [True, False])
def test_claim_passes_over_a_row_that_is_being_replaced(commits):
    store = Store()
    old, behind = new(unique=key("a")), new()
    store.insert([old, behind], now=NOW)
    newer = new(unique=key("a", on_conflict=Conflict.REPLACE))
    worker = Worker(store)
    with store.begin() if commits else rolled_back(store) as tx:
        assert store.insert([newer], tx, NOW)[0].status is Insertion.REPLACED
        assert row_of(store, old.id, NOW).state is State.AVAILABLE
        claims = worker.claim(5)
        assert [j.id for j in claims.jobs] == [behind.id]
        assert not claims.more
    assert [j.id for j in worker.take(5)] == [newer.id if commits else old.id]
    assert row_of(store, old.id, NOW).state is (State.CANCELLED if commits else State.RUNNING)


def test_a_scheduled_row_that_was_locked_while_claims_looked_falls_due_all_the_same():
    store = Store()
    old = new(unique=key("a"), run_at=at(5))
    store.insert([old], now=NOW)
    worker = Worker(store)
    with rolled_back(store) as tx:
        store.insert([new(unique=key("a", on_conflict=Conflict.REPLACE))], tx, NOW)
        assert worker.claim(5, now=NOW).next_due_in is None
        assert worker.take(5, now=at(6)) == []
    assert [j.id for j in worker.take(5, now=at(6))] == [old.id]


# Unique keys


def test_keys_hold_among_the_writes_of_one_transaction():
    store = Store()
    first, second = new(unique=key("a")), new(unique=key("a"))
    third = new(unique=key("a", on_conflict=Conflict.REPLACE))
    with store.begin() as tx:
        answers = store.insert([first, second, third], tx, NOW)
    assert [a.status for a in answers] == [
        Insertion.CREATED,
        Insertion.SKIPPED,
        Insertion.REPLACED,
    ]
    assert [j.id for j in Worker(store).take(5)] == [third.id]


def test_two_transactions_that_want_one_key_conflict():
    store = Store()
    with store.begin() as one:
        store.insert([new(unique=key("a"))], one, NOW)
        with conflicting(store) as two:
            bystander = new()
            store.insert([bystander], two, NOW)
            store.insert([new(unique=key("a"))], two, NOW)
        with pytest.raises(Unavailable, match="send it again"):
            store.insert([new(), new(unique=key("a"))], now=NOW)
    assert len(ids(store)) == 1
    assert store.insert([new(unique=key("a"))], now=NOW)[0].status is Insertion.SKIPPED


def test_two_transactions_that_insert_one_id_conflict():
    store = Store()
    job = new()
    with store.begin() as one:
        store.insert([job], one, NOW)
        with conflicting(store) as two:
            store.insert([job], two, NOW)
        with pytest.raises(Unavailable):
            store.insert([job], now=NOW)
    assert store.insert([job], now=NOW)[0].status is Insertion.EXISTING


def test_two_transactions_that_replace_one_holder_conflict():
    store = Store()
    store.insert([new(unique=key("a"))], now=NOW)
    replace = key("a", on_conflict=Conflict.REPLACE)
    with store.begin() as one:
        store.insert([new(unique=replace)], one, NOW)
        with conflicting(store) as two:
            store.insert([new(unique=replace)], two, NOW)


def test_a_key_that_is_being_freed_is_still_held():
    store = Store()
    job, _ = running(store, unique=key("a"))
    with store.begin() as tx:
        store.finish([completed(job)], tx, NOW)
        [answer] = store.insert([new(unique=key("a"))], now=NOW)
        assert (answer.status, answer.other) == (Insertion.SKIPPED, job.id)
        heir = new(unique=key("a"))
        assert store.insert([heir], tx, NOW)[0].status is Insertion.CREATED
    assert store.insert([new(unique=key("a"))], now=NOW)[0].other == heir.id


def test_retry_of_a_job_whose_key_is_being_taken_is_busy():
    store = Store()
    old = new(unique=key("a"))
    store.insert([old], now=NOW)
    store.act([old.id], Cancel(), NOW)
    with store.begin() as tx:
        store.insert([new(unique=key("a"))], tx, NOW)
        assert store.act([old.id], Retry(), NOW) == [Acted.BUSY]
    assert store.act([old.id], Retry(), NOW) == [Acted.CONFLICT]


def test_an_outcome_whose_follow_up_is_in_the_way_is_busy_and_unwritten():
    store = Store()
    job, _ = running(store)
    outcome = completed(job, follow_ups=[new(unique=key("a", Hold.KEPT))])
    with store.begin() as tx:
        store.insert([new(unique=key("a"))], tx, NOW)
        assert store.finish([outcome], now=NOW) == [Finished.BUSY]
        assert row_of(store, job.id).state is State.RUNNING
    assert store.finish([outcome], now=NOW) == [Finished.DONE]


# Handles


def test_an_ended_transaction_is_refused():
    store = Store()
    with store.begin() as tx:
        pass
    with pytest.raises(HandleMismatch, match="ended"):
        store.insert([new()], tx, NOW)
    assert ids(store) == set()


def test_a_transaction_of_another_store_is_refused():
    store = Store()
    with SyncMemoryDriver().begin() as tx, pytest.raises(HandleMismatch, match="another"):
        store.insert([new()], tx, NOW)
    assert ids(store) == set()


def test_a_foreign_handle_is_refused():
    store = Store()
    with pytest.raises(HandleMismatch, match=r"memory\.Tx"):
        store.insert([new()], "BEGIN", NOW)  # pyright: ignore[reportArgumentType] - on purpose
    with pytest.raises(HandleMismatch):
        store.finish([], object(), NOW)  # pyright: ignore[reportArgumentType] - on purpose
