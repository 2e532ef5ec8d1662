"""Two processes that drain one file at the same time."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier
from pathlib import Path

import anyio
import raw_sqlite
from goncordia import Job, Registry, worker_pool
from goncordia_sql.sqlite import SqliteDriver
from goncordia_sql.sqlite.turn import Turn
from measure import percentile
from subjects.goncordia_queue import Note

CONCURRENCY = 10
PATIENCE = 100.0
"""Seconds for a process to start and end."""

Work = Callable[[Path], tuple[int, list[float]]]
"""Drains a file; how many jobs, and the seconds of each wait for the write lock."""


def two(path: Path, work: Work) -> tuple[float, float, float]:
    """Jobs a second, the longer p99 of both processes' waits in ms, the lesser one's share."""
    context = get_context("spawn")
    barrier = context.Barrier(3)
    ends = [context.Pipe() for _ in range(2)]
    children = [context.Process(target=_child, args=(e[1], barrier, path, work)) for e in ends]
    for child in children:
        child.start()
    barrier.wait(PATIENCE)
    started = time.perf_counter()
    found = [_received(end[0]) for end in ends]
    took = time.perf_counter() - started
    for child in children:
        child.join(PATIENCE)
    jobs = [done for done, _ in found]
    p99 = max(percentile(waits, 0.99) for _, waits in found)
    return sum(jobs) / took, p99 * 1e3, min(jobs) / sum(jobs)


def _received(end: Connection) -> tuple[int, list[float]]:
    if not end.poll(PATIENCE):
        raise TimeoutError(f"a process said nothing for {PATIENCE} s")
    return end.recv()


def _child(end: Connection, barrier: Barrier, path: Path, work: Work) -> None:
    barrier.wait(PATIENCE)
    end.send(work(path))


def bare(path: Path) -> tuple[int, list[float]]:
    """By hand: SQLite's own busy handler waits for the lock."""
    done, waits = 0, list[float]()

    def begin(connection: sqlite3.Connection) -> None:
        started = time.perf_counter()
        raw_sqlite.begin(connection)
        waits.append(time.perf_counter() - started)

    with closing(raw_sqlite.connect(path)) as connection:
        while True:
            token, claimed = raw_sqlite.claim(connection, CONCURRENCY, begin)
            if not claimed:
                return done, waits
            raw_sqlite.finish(connection, claimed, token, begin)
            done += len(claimed)


def pool(path: Path) -> tuple[int, list[float]]:
    """A worker pool; from lining up for the turn until the lock is held."""
    with _timed_turns() as waits:
        return anyio.run(_drain, path), waits


async def _drain(path: Path) -> int:
    jobs, ran = Registry(), 0

    @jobs.worker
    async def handle(job: Job[Note]) -> None:
        nonlocal ran
        ran += 1

    async with (
        SqliteDriver(path) as driver,
        worker_pool(driver, jobs, concurrency=CONCURRENCY) as running,
    ):
        await running.idle()
    return ran


@contextmanager
def _timed_turns() -> Generator[list[float]]:
    waits: list[float] = []
    taken = Turn.taken

    @contextmanager
    def timed(self: Turn) -> Generator[None]:
        started = time.perf_counter()
        with taken(self):
            yield
        waits.append(time.perf_counter() - started)

    Turn.taken = timed
    try:
        yield waits
    finally:
        Turn.taken = taken
