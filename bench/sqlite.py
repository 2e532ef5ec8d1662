"""What is measured of the SQLite driver, beside the same work by hand on the same schema."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Awaitable, Callable, Generator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import anyio
import backlog
import processes
import raw_sqlite
from goncordia import Client, SyncClient
from goncordia_sql.sqlite import SqliteDriver, SyncSqliteDriver
from jobs import drain, fill, notes, pickup_figures, pickups
from measure import MICROS, MILLIS, OURS, RATE, RAW, SHARE, Floor, Group, Turn
from memory import LOOPS


def groups(folder: Path, quick: bool) -> Iterator[Group]:
    """All measures; files go to the folder."""
    yield _enqueue(folder, 50 if quick else 200)
    yield _enqueue_tx(folder, 500 if quick else 2000)
    yield _commit_tx(folder, 50 if quick else 200)
    yield _batch(folder, 100, 2_000 if quick else 10_000)
    yield _batch(folder, 1000, 5_000 if quick else 20_000)
    for concurrency, n in ((1, 300), (10, 3_000), (100, 10_000)):
        yield _pool(folder, concurrency, n // 3 if quick else n)
    yield _claim(folder, 200_000 if quick else 1_000_000)
    yield _two_processes(folder, 2_000 if quick else 6_000)
    yield _pickup(folder, 100 if quick else 500)


@contextmanager
def fresh(folder: Path) -> Generator[Path]:
    """A file with the schema and no jobs."""
    with tempfile.TemporaryDirectory(dir=folder) as inner:
        path = Path(inner) / "jobs.db"
        with SyncSqliteDriver(path) as driver:
            driver.migrate()
        yield path


def _enqueue(folder: Path, n: int) -> Group:
    async def run() -> float:
        with fresh(folder) as path:
            async with SqliteDriver(path) as driver:
                client, jobs = Client(driver), notes(n)
                started = time.perf_counter()
                for note in jobs:
                    await client.enqueue(note)
                return (time.perf_counter() - started) / n * 1e6

    def raw() -> float:
        with fresh(folder) as path, closing(raw_sqlite.connect(path)) as connection:
            rows = raw_sqlite.rows(n)
            started = time.perf_counter()
            for row in rows:
                connection.execute(raw_sqlite.INSERT, row)
            return (time.perf_counter() - started) / n * 1e6

    return _on_both_loops("sqlite enqueue", MICROS, run, raw)


def _enqueue_tx(folder: Path, n: int) -> Group:
    """All in one open transaction of the caller's: what is paid before the commit, no floor."""
    name, sync = "sqlite enqueue tx open", "sqlite enqueue tx open sync"

    async def run() -> dict[str, float]:
        with fresh(folder) as path, closing(raw_sqlite.connect(path)) as connection:
            async with SqliteDriver(path) as driver:
                client, jobs = Client(driver), notes(n)
                connection.execute("BEGIN IMMEDIATE")
                started = time.perf_counter()
                for note in jobs:
                    await client.enqueue(note, tx=connection)
                return {name: (time.perf_counter() - started) / n * 1e6}

    def run_sync() -> dict[str, float]:
        with (
            fresh(folder) as path,
            closing(raw_sqlite.connect(path)) as connection,
            SyncSqliteDriver(path) as driver,
        ):
            client, jobs = SyncClient(driver), notes(n)
            connection.execute("BEGIN IMMEDIATE")
            started = time.perf_counter()
            for note in jobs:
                client.enqueue(note, tx=connection)
            return {sync: (time.perf_counter() - started) / n * 1e6}

    def raw() -> dict[str, float]:
        with fresh(folder) as path, closing(raw_sqlite.connect(path)) as connection:
            rows = raw_sqlite.rows(n)
            connection.execute("BEGIN IMMEDIATE")
            started = time.perf_counter()
            for row in rows:
                connection.execute(raw_sqlite.INSERT, row)
            return dict.fromkeys((name, sync), (time.perf_counter() - started) / n * 1e6)

    turns = [Turn(RAW, raw), Turn(OURS, lambda: anyio.run(run)), Turn(OURS, run_sync)]
    return Group({name: MICROS, sync: MICROS}, turns)


def _commit_tx(folder: Path, n: int) -> Group:
    """Each in a transaction of the caller's, from BEGIN to COMMIT."""
    name = "sqlite enqueue tx"

    async def run() -> float:
        with fresh(folder) as path, closing(raw_sqlite.connect(path)) as connection:
            async with SqliteDriver(path) as driver:
                client, jobs = Client(driver), notes(n)
                started = time.perf_counter()
                for note in jobs:
                    connection.execute("BEGIN IMMEDIATE")
                    await client.enqueue(note, tx=connection)
                    connection.execute("COMMIT")
                return (time.perf_counter() - started) / n * 1e6

    def raw() -> float:
        with fresh(folder) as path, closing(raw_sqlite.connect(path)) as connection:
            rows = raw_sqlite.rows(n)
            started = time.perf_counter()
            for row in rows:
                connection.execute("BEGIN IMMEDIATE")
                connection.execute(raw_sqlite.INSERT, row)
                connection.execute("COMMIT")
            return (time.perf_counter() - started) / n * 1e6

    floor = Floor(name, at_most=1.5, of=(name, RAW))
    return _on_both_loops(name, MICROS, run, raw, floor)


def _batch(folder: Path, size: int, n: int) -> Group:
    async def run() -> float:
        with fresh(folder) as path:
            async with SqliteDriver(path) as driver:
                client, jobs = Client(driver), notes(n)
                started = time.perf_counter()
                for at in range(0, n, size):
                    await client.enqueue_many(jobs[at : at + size])
                return n / (time.perf_counter() - started)

    def raw() -> float:
        with fresh(folder) as path, closing(raw_sqlite.connect(path)) as connection:
            rows = raw_sqlite.rows(n)
            started = time.perf_counter()
            for at in range(0, n, size):
                raw_sqlite.insert(connection, rows[at : at + size])
            return n / (time.perf_counter() - started)

    name = f"sqlite batch {size}"
    floors = [Floor(name, at_least=0.7, of=(name, RAW))] if size == 1000 else []
    return _on_both_loops(name, RATE, run, raw, *floors)


def _pool(folder: Path, concurrency: int, n: int) -> Group:
    async def run() -> float:
        with fresh(folder) as path:
            async with SqliteDriver(path) as driver:
                await fill(driver, n)
                return n / await drain(driver, n, concurrency)

    def raw() -> float:
        with fresh(folder) as path, closing(raw_sqlite.connect(path)) as connection:
            raw_sqlite.insert(connection, raw_sqlite.rows(n))
            started = time.perf_counter()
            done, _ = raw_sqlite.drain(connection, concurrency)
            return done / (time.perf_counter() - started)

    name = f"sqlite pool {concurrency}"
    least = {10: 0.6, 100: 0.35}.get(concurrency)
    floors = [] if least is None else [Floor(name, at_least=least, of=(name, RAW))]
    return _on_both_loops(name, RATE, run, raw, *floors)


def _claim(folder: Path, most: int) -> Group:
    """What claiming 100 costs with few and with many finished jobs in the file."""
    few = 10_000
    files = {n: folder / f"finished-{n}.db" for n in (few, most)}
    names = {n: f"sqlite claim 100 of {n // 1000}k" for n in files}

    def turn(n: int) -> Turn:
        return Turn(OURS, lambda: {names[n]: anyio.run(backlog.claim_cost, files[n], n)})

    floor = Floor(names[most], at_most=1.3, of=(names[few], OURS))
    return Group(dict.fromkeys(names.values(), MICROS), [turn(n) for n in files], [floor])


def _two_processes(folder: Path, n: int) -> Group:
    """Two processes that drain one file: how long they wait for the write lock."""
    prefix = "sqlite pool 10 two processes"
    units = {prefix: RATE, f"{prefix}, lock p99": MILLIS, f"{prefix}, lesser": SHARE}

    def run(work: Callable[[Path], tuple[int, list[float]]]) -> dict[str, float]:
        with fresh(folder) as path:
            with closing(raw_sqlite.connect(path)) as connection:
                raw_sqlite.insert(connection, raw_sqlite.rows(n))
            figures = processes.two(path, work)
            return dict(zip(units, figures, strict=True))

    turns = [Turn(RAW, lambda: run(processes.bare)), Turn(OURS, lambda: run(processes.pool))]
    return Group(units, turns, [Floor(f"{prefix}, lock p99", at_most=100)])


def _pickup(folder: Path, n: int) -> Group:
    async def run() -> dict[str, float]:
        with fresh(folder) as path:
            async with SqliteDriver(path) as driver:
                return pickup_figures("sqlite", await pickups(driver, n))

    units = {"sqlite pickup p50": MILLIS, "sqlite pickup p99": MILLIS}
    return Group(units, [Turn(OURS, lambda: anyio.run(run))])


def _on_both_loops(
    name: str,
    unit: str,
    run: Callable[[], Awaitable[float]],
    raw: Callable[[], float],
    *floors: Floor,
) -> Group:
    """One raw turn a round, which both loops are compared with."""
    names = {backend: name + suffix for backend, suffix in LOOPS.items()}

    def turn(backend: str) -> Turn:
        return Turn(OURS, lambda: {names[backend]: anyio.run(run, backend=backend)})

    first = Turn(RAW, lambda: dict.fromkeys(names.values(), raw()))
    return Group(dict.fromkeys(names.values(), unit), [first, *map(turn, LOOPS)], floors)
