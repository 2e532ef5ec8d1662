"""Several processes on one file: nothing is lost or doubled, whoever is killed."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from goncordia.answers import Count
from goncordia.ids import uuid7
from goncordia.jobs import NewJob
from goncordia.lifecycle import State
from goncordia_sql.sqlite import SqliteDriver, SyncSqliteDriver

WORK = """if True:
    import anyio, sys
    from datetime import timedelta
    from goncordia.ids import uuid7
    from goncordia.jobs import completed
    from goncordia.sessions import Claim, WorkerInfo
    from goncordia_sql.sqlite import SqliteDriver
    async def main():
        async with SqliteDriver(sys.argv[1], synchronous="NORMAL") as driver:
            session = await driver.join(WorkerInfo("w"), timedelta(seconds=60))
            while True:
                claims = await driver.claim(Claim(uuid7(), session.id, {"default": 17}))
                if not claims.jobs:
                    break
                for job in claims.jobs:
                    print("claimed", job.id, job.attempt, flush=True)
                answers = await driver.finish([completed(job) for job in claims.jobs])
                for job, answer in zip(claims.jobs, answers):
                    print(answer.value, job.id, job.attempt, flush=True)
    anyio.run(main)
"""


def start(path: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", WORK, path], stdout=subprocess.PIPE, text=True)


def fill(path: str, n: int) -> set[str]:
    jobs = [NewJob(uuid7(), "k", b"{}") for _ in range(n)]
    with SyncSqliteDriver(path) as driver:
        driver.insert(jobs)
    return {str(job.id) for job in jobs}


def told(lines: list[str], word: str) -> Counter[str]:
    """Of which jobs it was said; a killed process may leave half a line."""
    return Counter(line.split()[1] for line in lines if line.startswith(word) and line[-1] == "\n")


@pytest.mark.parametrize("processes", [2, 4])
def test_each_job_is_claimed_once(path: str, processes: int) -> None:
    ids = fill(path, 2000)
    workers = [start(path) for _ in range(processes)]
    lines = [
        line
        for worker in workers
        for line in worker.communicate(timeout=60)[0].splitlines(keepends=True)
    ]
    assert told(lines, "claimed") == told(lines, "done") == Counter(ids)
    with SyncSqliteDriver(path) as driver:
        assert driver.stats() == [Count("default", State.COMPLETED, 2000)]


@pytest.mark.anyio
async def test_a_killed_process_loses_and_doubles_nothing(path: str) -> None:
    ids = fill(path, 2000)
    worker = start(path)
    assert worker.stdout is not None
    first = [worker.stdout.readline() for _ in range(200)]
    worker.send_signal(signal.SIGKILL)
    rest, _ = worker.communicate()
    lines = first + rest.splitlines(keepends=True)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    async with SqliteDriver(path) as driver:
        done = told(lines, "done")
        rows = {str(r.id): r for r in await driver.get([*map(UUID, ids)]) if r}
        assert set(rows) == ids
        assert all(rows[each].state is State.COMPLETED for each in done)
        held = [each for each, row in rows.items() if row.state is State.RUNNING]
        assert len(held) <= 17
        (session,) = await driver.sessions()
        later = session.beat_at + timedelta(seconds=61)
        assert (await driver.rescue(100, now=later)).n == len(held)
    worker = start(path)
    again = worker.communicate(timeout=60)[0].splitlines(keepends=True)
    assert not told(again, "claimed").keys() & done.keys()
    with SyncSqliteDriver(path) as driver:
        left = {count.state: count.n for count in driver.stats()}
    assert left.get(State.COMPLETED, 0) + left.get(State.RETRYABLE, 0) == 2000
    assert left.get(State.RETRYABLE, 0) == len(held)


def test_two_processes_migrate_at_once(tmp_path: Path) -> None:
    path = str(tmp_path / "fresh.db")
    code = """if True:
        import sys
        from goncordia_sql.sqlite import SyncSqliteDriver
        with SyncSqliteDriver(sys.argv[1]) as driver:
            print(len(driver.migrate()))
    """
    command = [sys.executable, "-c", code, path]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    applied = [int(process.communicate(timeout=60)[0]) for process in both]
    assert sorted(applied) == [0, 0, 1]
