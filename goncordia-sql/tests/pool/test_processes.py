# pyright: reportPossiblyUnboundVariable=false
"""Real processes on one file: killed, frozen, and killing themselves."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from contextlib import ExitStack, closing
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from goncordia import Enqueue, State, SyncClient
from goncordia.args import Args
from goncordia_sql.sqlite import SyncSqliteDriver

WORKER = Path(__file__).parent / "worker.py"
PATIENCE = 60.0
"""Seconds after which something has gone wrong."""


class Work(Args, kind="work"):
    how: str = "count"
    seconds: float = 0.0


class Office:
    """A file, a client, and the workers on it."""

    def __init__(self, folder: Path, loop: str, stack: ExitStack):
        self.path = folder / "jobs.db"
        self.journal = folder / "journal"
        self.loop = loop
        self.stack = stack
        self.workers = []
        driver = stack.enter_context(SyncSqliteDriver(self.path))
        driver.migrate()
        self.client = SyncClient(driver)

    def hire(self):
        command = [sys.executable, str(WORKER), str(self.path), str(self.journal), self.loop]
        worker = self.stack.enter_context(subprocess.Popen(command))
        self.stack.callback(worker.kill)
        self.workers.append(worker)
        return worker

    def noted(self):
        """(what, job, attempt, pid) in their order."""
        lines = self.journal.read_text().splitlines() if self.journal.exists() else []
        return [tuple(line.split()) for line in lines]

    def rows(self):
        return list(self.client.all_jobs())

    def hurry(self):
        """Don't wait out the pause of rescued jobs."""
        waiting = [row.id for row in self.client.all_jobs(states=[State.RETRYABLE])]
        if waiting:
            self.client.amend(*waiting, run_at=timedelta(0))

    def until(self, true):
        end = time.monotonic() + PATIENCE
        while not true():
            assert time.monotonic() < end, (self.noted(), self.rows())
            self.hurry()
            time.sleep(0.02)  # other processes are waited for

    def all_ended(self):
        return all(row.finished_at is not None for row in self.rows())

    def freeze(self, worker):
        """Stop all its threads, none of them inside a transaction: its lock would stop everyone."""
        with closing(sqlite3.connect(self.path, timeout=PATIENCE)) as lock:
            lock.execute("BEGIN IMMEDIATE")
            worker.send_signal(signal.SIGSTOP)
            self.until(partial(stopped, worker.pid))
            lock.rollback()

    def thaw(self, worker):
        (self.path.parent / "thaw").touch()
        worker.send_signal(signal.SIGCONT)

    def leave(self):
        for worker in self.workers:
            if worker.poll() is None:
                worker.send_signal(signal.SIGTERM)
                assert worker.wait(PATIENCE) == 0


@pytest.fixture(params=["asyncio", "trio"])
def office(request, tmp_path):
    with ExitStack() as stack:
        yield Office(tmp_path, request.param, stack)


def died_or_done(office, worker):
    return worker.poll() is not None or office.all_ended()


def ran_twice_at_once(noted, dead):
    """Jobs that one living process began while another living one was at it."""
    at_it, twice = {}, []
    for what, job, _, pid in noted:
        if what == "begun":
            if at_it.get(job, pid) not in (pid, *dead):
                twice.append(job)
            at_it[job] = pid
        elif at_it.get(job) == pid:
            del at_it[job]
    return twice


def test_a_job_that_kills_its_process_each_time_ends_discarded(office):
    ref = office.client.enqueue(Work("kill"), max_attempts=3).id
    neighbours = [office.client.enqueue(Work()).id for _ in range(5)]
    deaths = 0
    while office.client.get(ref).state is not State.DISCARDED:
        worker = office.hire()
        office.until(partial(died_or_done, office, worker))
        deaths += worker.poll() is not None
    row = office.client.get(ref)
    assert (row.attempt, deaths) == (3, 3)
    assert [error.type for error in row.errors] == ["WorkerLost"] * 3
    office.until(office.all_ended)
    assert all(office.client.get(each).state is State.COMPLETED for each in neighbours)
    office.leave()


def test_one_of_two_processes_is_killed(office):
    requests = [Enqueue(Work(seconds=0.05)) for _ in range(60)]
    refs = [enqueued.id for enqueued in office.client.enqueue_many(requests)]
    victim, survivor = office.hire(), office.hire()
    office.until(lambda: len({note[3] for note in office.noted()}) == 2)
    victim.kill()
    victim.wait()
    office.until(office.all_ended)
    office.leave()
    assert survivor.returncode == 0
    rows = {row.id: row for row in office.rows()}
    assert set(rows) == set(refs)
    for row in rows.values():
        assert row.state is State.COMPLETED
        assert {error.type for error in row.errors} <= {"WorkerLost"}
        assert row.attempt == len(row.errors) + 1
        assert row.result == f'"attempt {row.attempt}"'.encode()
    lost = [row for row in rows.values() if row.errors]
    assert 1 <= len(lost) <= 4, "no more than it held"
    assert not ran_twice_at_once(office.noted(), {str(victim.pid)})
    ends = Counter(note[1] for note in office.noted() if note[0] == "ended")
    assert all(ends[str(ref)] >= 1 for ref in refs)


def test_a_process_frozen_past_its_session_is_fenced_out(office):
    ref = office.client.enqueue(Work("freeze")).id
    frozen = office.hire()
    office.until(lambda: bool(office.noted()))
    office.freeze(frozen)
    office.hire()
    office.until(office.all_ended)
    before = office.client.get(ref)
    assert (before.attempt, before.result) == (2, b'"attempt 2"')
    office.thaw(frozen)
    office.until(lambda: ("ended", str(ref), "1", str(frozen.pid)) in office.noted())
    after = office.client.enqueue(Work()).id
    office.until(office.all_ended)
    assert office.client.get(ref) == before, "it wrote nothing"
    assert office.client.get(after).state is State.COMPLETED
    office.until(lambda: sum(session.alive for session in office.client.sessions()) == 2)
    office.leave()


def stopped(pid):
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"
