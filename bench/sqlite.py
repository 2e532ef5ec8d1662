"""What is measured of the SQLite driver alone: an open transaction, a full file, two processes."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import anyio
import processes
import raw_sqlite
from goncordia import Client, SyncClient
from goncordia_sql.sqlite import SqliteDriver, SyncSqliteDriver
from measure import OURS, RAW, SHARE, Floor, Group, Turn
from measures import MICROS, MILLIS, RATE, Scale, take
from subject import TO
from subjects import goncordia_sqlite
from subjects.goncordia_queue import Note


def groups(folder: Path, quick: bool) -> Iterator[Group]:
    """All measures; files go to the folder."""
    yield _enqueue_open(folder, 500 if quick else 2000)
    yield _claim(folder, 200_000 if quick else 1_000_000)
    yield _two_processes(folder, 2_000 if quick else 6_000)


@contextmanager
def fresh(folder: Path) -> Generator[Path]:
    """A file with the schema and no jobs."""
    with tempfile.TemporaryDirectory(dir=folder) as inner:
        path = Path(inner) / "jobs.db"
        with SyncSqliteDriver(path) as driver:
            driver.migrate()
        yield path


def _enqueue_open(folder: Path, n: int) -> Group:
    """All in one open transaction of the caller's: what is paid before the commit, no floor."""
    name, sync = "sqlite enqueue tx open", "sqlite enqueue tx open sync"
    jobs = [Note(i, TO) for i in range(n)]

    async def run() -> dict[str, float]:
        with fresh(folder) as path, closing(raw_sqlite.connect(path)) as connection:
            async with SqliteDriver(path) as driver:
                client = Client(driver)
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
            client = SyncClient(driver)
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


def _claim(folder: Path, most: int) -> Group:
    """What claiming 100 costs with few and with many finished jobs in the file."""
    few = 10_000
    files = {n: folder / f"finished-{n}.db" for n in (few, most)}
    names = {n: f"sqlite claim 100 of {n // 1000}k" for n in files}

    def turn(n: int) -> Turn:
        def run() -> dict[str, float]:
            stock = None if files[n].exists() else (0, n)
            make, scale = goncordia_sqlite.SUBJECT, Scale(claims=20)
            found = take(make, str(files[n]), "claim", "asyncio", scale, stock=stock)
            return {names[n]: found["claim"]}

        return Turn(OURS, run)

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
