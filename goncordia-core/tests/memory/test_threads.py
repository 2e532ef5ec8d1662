"""One store, many threads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier
from typing import TypeVar
from uuid import UUID

from goncordia.answers import Insertion
from goncordia.errors import TransactionConflict
from goncordia.jobs import completed
from goncordia.lifecycle import State
from goncordia.memory import Store

from .making import NOW, Worker, key, new

THREADS = 8
T = TypeVar("T")


def together(work: Callable[[int], T]) -> list[T]:
    """The results of one call on each thread, all starting at once."""
    barrier = Barrier(THREADS)

    def run(n: int) -> T:
        barrier.wait(5)
        return work(n)

    with ThreadPoolExecutor(THREADS) as threads:
        return list(threads.map(run, range(THREADS)))


def test_nothing_is_claimed_twice_or_lost():
    store = Store()

    def work(_: int) -> list[UUID]:
        done: list[UUID] = []
        worker = Worker(store)
        for _ in range(30):
            store.insert([new(), new()], now=NOW)
            jobs = worker.take(3)
            store.finish([completed(job) for job in jobs], now=NOW)
            done += [job.id for job in jobs]
        return done

    done = Counter(job for jobs in together(work) for job in jobs)
    assert set(done.values()) == {1}
    assert {c.state: c.n for c in store.stats((), NOW)} == {State.COMPLETED: THREADS * 60}


def test_a_key_is_won_once():
    store = Store()

    def insert(n: int, _: int) -> Insertion:
        return store.insert([new(unique=key(str(n)))], now=NOW)[0].status

    for n in range(30):
        answers = together(partial(insert, n))
        assert Counter(answers) == {
            Insertion.CREATED: 1,
            Insertion.SKIPPED: THREADS - 1,
        }


def test_transactions_that_race_for_a_key_win_conflict_or_skip():
    store = Store()

    def work(_: int) -> str:
        try:
            with store.begin() as tx:
                return store.insert([new(unique=key("a"))], tx, NOW)[0].status
        except TransactionConflict:
            return "conflict"

    results = Counter(together(work))
    assert results.pop(Insertion.CREATED) == 1
    assert set(results) <= {Insertion.SKIPPED, "conflict"}
    assert len(Worker(store).take(THREADS)) == 1
