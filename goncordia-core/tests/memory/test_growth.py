"""What comes and goes leaves nothing behind: the indexes stay as large as what they index."""

from __future__ import annotations

import pytest
from goncordia.actions import Amend, Cancel, Delete, Retry
from goncordia.answers import Filter, QueueChange
from goncordia.jobs import Conflict, completed
from goncordia.memory import Store
from goncordia.memory.line import Line
from goncordia.memory.record import Record
from goncordia.memory.table import Table

from .making import NOW, Worker, at, key, new

ROUNDS = 1000
ALLOWED = 200


def sizes(store: Store) -> int:
    """All entries of all indexes."""
    table: Table = store._table
    lines: list[Line] = list(table.lines.values())
    indexes = [table.rows, table.expiries, table.keys, table.locks, table.key_locks, table.leases]
    indexes += [heap for line in lines for heap in (line.ready, line.later)]
    return sum(map(len, indexes)) + len(table.roll._ids)


def cancel_and_delete(store: Store) -> None:
    job = new(unique=key("a"))
    store.insert([job], now=NOW)
    store.act([job.id], Cancel(), NOW)
    store.act([job.id], Delete(), NOW)


def delete_far_ahead(store: Store) -> None:
    job = new(run_at=at(10**6))
    store.insert([job], now=NOW)
    store.act([job.id], Delete(), NOW)


def run(store: Store) -> None:
    store.insert([new()], now=NOW)
    worker = Worker(store)
    store.finish([completed(worker.one())], now=NOW)
    store.leave(worker.session)
    store.prune(10, at(10**6))


def roll_back(store: Store) -> None:
    try:
        with store.begin() as tx:
            store.insert([new(unique=key("a"))], tx, NOW)
            raise ZeroDivisionError
    except ZeroDivisionError:
        pass


@pytest.mark.parametrize("paused", [True, False])
@pytest.mark.parametrize("happening", [cancel_and_delete, delete_far_ahead, run, roll_back])
def test_what_went_is_forgotten(happening, paused):
    store = Store()
    if happening is not run:
        store.queues(QueueChange("default", paused=paused), NOW)
    for _ in range(ROUNDS):
        happening(store)
    assert store.list(Filter()).rows == []
    assert sizes(store) < ALLOWED


def test_a_job_that_is_moved_to_and_fro_is_indexed_once():
    store = Store()
    job = new()
    store.insert([job], now=NOW)
    for n in range(ROUNDS):
        store.act([job.id], Amend(run_at=at(n)), NOW)
        store.act([job.id], Amend(priority=n % 7), NOW)
        store.act([job.id], Cancel(), at(n))
        store.act([job.id], Retry(), NOW)
    assert sizes(store) < 2 * ALLOWED
    assert [j.id for j in Worker(store).take(5)] == [job.id]


def test_a_debounced_job_leaves_only_cancelled_ones():
    store = Store()
    for n in range(ROUNDS):
        unique = key("a", on_conflict=Conflict.REPLACE)
        store.insert([new(unique=unique, run_at=at(10**6 + n))], now=NOW)
    line = store._table.lines["default"]
    assert len(line.later) < ALLOWED
    assert Worker(store).claim().next_due_in == 10**6 + ROUNDS - 1


def test_far_future_and_paused_jobs_are_not_walked_by_a_claim():
    store = Store()
    store.insert([new(run_at=at(10**6)) for _ in range(ROUNDS)], now=NOW)
    store.insert([new(queue="paused") for _ in range(ROUNDS)], now=NOW)
    store.queues(QueueChange("paused", paused=True), NOW)
    rows = store._table.rows
    looked: list[int] = []

    class Watched(dict[int, Record]):
        def get(self, key, default=None, /):  # pyright: ignore[reportIncompatibleMethodOverride] - it is the same
            looked.append(key)
            return super().get(key, default)

    store._table.rows = Watched(rows)
    assert Worker(store).take(10) == []
    assert Worker(store).take(10, "paused") == []
    assert len(looked) <= 2
