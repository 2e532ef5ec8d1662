"""The command line on a file that several processes share: schema, counts, signals."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Never
from uuid import UUID

import pytest
from goncordia import Args, JobRow, SyncClient, open_sync_driver

COMMAND = [sys.executable, "-m", "goncordia.cli"]
PATIENCE = 60.0
"""Seconds after which a worker that hangs is killed, and its test fails."""

SHOP = """
import pathlib

import anyio
from goncordia import Args, Every, Job, Registry, Schedules

jobs = Registry()


class Wait(Args, kind="wait"):
    how: str


def tell():
    with open("began", "w") as pipe:
        pipe.write("here")


@jobs.worker
async def wait(job: Job[Wait]) -> None:
    await anyio.to_thread.run_sync(tell)
    if job.args.how == "for ever":
        await anyio.sleep_forever()
    await anyio.to_thread.run_sync(pathlib.Path("gate").read_text)


class Hang(Args, kind="hang"):
    pass


@jobs.worker
def hang(job: Job[Hang]) -> None:
    tell()
    open("gate").read()


class Block(Args, kind="block"):
    pass


@jobs.worker
async def block(job: Job[Block]) -> None:
    tell()
    open("gate").read()  # on the event loop, which nobody should


schedules = Schedules()
schedules.add("first", Every(86400), Wait(how="for the gate"), run_on_start=True)
"""


class Wait(Args, kind="wait"):
    how: str


class Hang(Args, kind="hang"):
    pass


class Block(Args, kind="block"):
    pass


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A folder with an application, a migrated file, and pipes to meet its handlers at."""
    (tmp_path / "shop.py").write_text(SHOP)
    os.mkfifo(tmp_path / "began")
    os.mkfifo(tmp_path / "gate")
    with open_sync_driver(f"sqlite:///{tmp_path}/jobs.db") as driver:
        driver.migrate()
    return tmp_path


def environment(folder: Path) -> dict[str, str]:
    return {**os.environ, "GONCORDIA_DRIVER": f"sqlite:///{folder}/jobs.db", "COLUMNS": "160"}


def tell(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments], cwd=folder, env=environment(folder), capture_output=True, text=True
    )


@contextmanager
def client(folder: Path) -> Generator[SyncClient[Never]]:
    with open_sync_driver(f"sqlite:///{folder}/jobs.db") as driver:
        yield SyncClient(driver)


def row(tasks: SyncClient[Never], job: UUID) -> JobRow:
    found = tasks.get(job)
    assert found is not None
    return found


class Worker:
    """`goncordia worker` as a process, whose log is read line by line."""

    def __init__(self, folder: Path, loop: str, concurrency: int, *more: str) -> None:
        self.folder = folder
        command = [*COMMAND, "worker", "shop:jobs", "--loop", loop]
        command += ["--concurrency", str(concurrency), *more]
        self.process = subprocess.Popen(
            command, cwd=folder, env=environment(folder), stderr=subprocess.PIPE, text=True
        )

    def until(self, text: str) -> str:
        """Read its log up to a line that has this in it."""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            if text in line:
                return line
        raise AssertionError(f"the worker ended, and never said {text!r}")

    def began(self) -> None:
        """A handler has begun."""
        assert (self.folder / "began").read_text() == "here"

    def open_gate(self) -> None:
        """Let the handler end."""
        (self.folder / "gate").write_text("go on")

    def signal(self, number: signal.Signals) -> None:
        """Send it, and wait until the worker says that it heard."""
        self.process.send_signal(number)
        self.until(f"{number.name}:")


@contextmanager
def working(folder: Path, loop: str, concurrency: int = 1, *more: str) -> Generator[Worker]:
    worker = Worker(folder, loop, concurrency, *more)
    watchdog = threading.Timer(PATIENCE, worker.process.kill)
    watchdog.start()
    try:
        yield worker
    finally:
        watchdog.cancel()
        worker.process.kill()
        worker.process.wait()
        assert worker.process.stderr is not None
        worker.process.stderr.close()


@pytest.fixture(params=["asyncio", "trio"])
def worker(shop: Path, request: pytest.FixtureRequest) -> Iterator[Worker]:
    with working(shop, request.param) as worker:
        yield worker


def test_the_schema_is_brought_up_to_date_once(tmp_path: Path) -> None:
    missing = tell(tmp_path, "stats")
    assert (missing.returncode, missing.stdout) == (1, "")
    assert "goncordia migrate" in missing.stderr
    assert not list(tmp_path.iterdir()), "looking makes no file"
    first, second = tell(tmp_path, "migrate", "--json"), tell(tmp_path, "migrate", "--json")
    assert [step["version"] for step in json.loads(first.stdout)["applied"]] == [1]
    assert json.loads(second.stdout) == {"applied": []}
    assert "up to date" in tell(tmp_path, "migrate").stdout


def test_a_paused_queue_is_shown_as_such(shop: Path) -> None:
    with client(shop) as tasks:
        tasks.enqueue(Wait(how="for ever"))
        tasks.pause("default")
    assert "default (paused)" in tell(shop, "stats").stdout
    (queue,) = json.loads(tell(shop, "stats", "--json").stdout)["queues"]
    assert queue["paused_at"] is not None
    assert queue["counts"]["available"] == 1


def test_a_worker_enqueues_what_its_schedules_say(shop: Path) -> None:
    with working(shop, "asyncio", 1, "--schedules", "shop:schedules") as worker:
        worker.began()
        (state,) = json.loads(tell(shop, "schedules", "shop:schedules", "--json").stdout)
        assert (state["name"], state["seen"]) == ("first", True)
        worker.signal(signal.SIGTERM)
        worker.open_gate()
        assert worker.process.wait() == 0


def test_the_first_signal_lets_running_jobs_end(worker: Worker) -> None:
    with client(worker.folder) as tasks:
        runs = tasks.enqueue(Wait(how="for the gate")).id
        worker.began()
        waits = tasks.enqueue(Wait(how="for ever")).id
        line = worker.until("started on sqlite")
        assert "1 jobs at once, queues default, kinds block, hang, wait" in line
        worker.signal(signal.SIGTERM)
        worker.open_gate()
        assert "jobs: 1 run\n" in worker.until("ended;")
        assert worker.process.wait() == 0
        assert row(tasks, runs).state == "completed"
        assert row(tasks, waits).state == "available"


def test_the_second_gives_jobs_back(worker: Worker) -> None:
    with client(worker.folder) as tasks:
        job = tasks.enqueue(Wait(how="for ever")).id
        worker.began()
        worker.signal(signal.SIGINT)
        worker.signal(signal.SIGINT)
        assert "jobs: 1 run, 1 of them not to their end" in worker.until("ended;")
        assert worker.process.wait() == 0
        given_back = row(tasks, job)
        assert (given_back.state, given_back.attempt) == ("available", 0)


def test_the_second_waits_for_a_thread_and_records_its_end(worker: Worker) -> None:
    with client(worker.folder) as tasks:
        job = tasks.enqueue(Hang()).id
        worker.began()
        worker.signal(signal.SIGINT)
        worker.signal(signal.SIGINT)
        worker.open_gate()
        assert worker.process.wait() == 0
        assert row(tasks, job).state == "completed"


def test_the_second_gives_back_at_once_what_does_not_hang(shop: Path) -> None:
    with client(shop) as tasks, working(shop, "asyncio", 2) as worker:
        hangs = tasks.enqueue(Hang()).id
        worker.began()
        waits = tasks.enqueue(Wait(how="for ever")).id
        worker.began()
        worker.signal(signal.SIGINT)
        worker.signal(signal.SIGINT)
        with working(shop, "asyncio") as other:
            other.began()  # the job that was given back, while the first worker still waits
            assert row(tasks, waits).attempt == 1
            assert row(tasks, hangs).state == "running"
            assert worker.process.poll() is None


def test_the_third_ends_the_process_whatever_hangs(worker: Worker) -> None:
    with client(worker.folder) as tasks:
        job = tasks.enqueue(Hang()).id
        worker.began()
        worker.signal(signal.SIGINT)
        worker.signal(signal.SIGINT)
        worker.process.send_signal(signal.SIGTERM)
        worker.until("are rescued by other workers")
        assert worker.process.wait() == -signal.SIGTERM
        assert row(tasks, job).state == "running"


def test_the_third_ends_even_a_blocked_event_loop(worker: Worker) -> None:
    with client(worker.folder) as tasks:
        tasks.enqueue(Block())
        worker.began()
        while worker.process.poll() is None:  # nobody says that a signal was heard
            worker.process.send_signal(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                worker.process.wait(0.1)
        assert worker.process.returncode == -signal.SIGINT


def test_a_worker_of_an_old_file_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(SHOP)
    refused = tell(tmp_path, "worker", "shop:jobs")
    assert refused.returncode == 1
    assert "goncordia migrate" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_settings_that_can_not_work_are_wrong_usage(shop: Path) -> None:
    refused = tell(shop, "worker", "shop:jobs", "--session-ttl", "1", "--beat-every", "1")
    assert refused.returncode == 2
    assert "four beats" in refused.stderr
