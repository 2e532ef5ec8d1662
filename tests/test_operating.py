"""Operating a store from a shell: what one command did the next one shows; people are asked."""

from __future__ import annotations

import json
import os
import pty
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from goncordia import SyncClient, open_sync_driver

COMMAND = [sys.executable, "-m", "goncordia.cli"]
SHOP = """
from goncordia import Args, Discard, Job, Registry

jobs = Registry()


class Mail(Args, kind="mail"):
    to: str


@jobs.worker
async def mail(job: Job[Mail]) -> str:
    if job.args.to == "nobody":
        raise Discard("there is no such address")
    return f"sent to {job.args.to}"
"""


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A store with the schema in it, of which the commands are told."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/jobs.db"
    else:
        url = request.getfixturevalue("postgres_url")
    with open_sync_driver(url) as driver:
        driver.migrate()
    monkeypatch.setenv("GONCORDIA_DRIVER", url)
    return url


@pytest.fixture(autouse=True)
def width(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "160")


@pytest.fixture
def shop(url: str, tmp_path: Path) -> Path:
    (tmp_path / "shop.py").write_text(SHOP)
    return tmp_path


def tell(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )


def told(folder: Path, *arguments: str) -> Any:
    return json.loads(tell(folder, *arguments, "--json").stdout)


@pytest.fixture
def working(shop: Path) -> Iterator[None]:
    """A worker of the shop, while the test runs."""
    process = subprocess.Popen(
        [*COMMAND, "worker", "shop:jobs"],
        cwd=shop,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    try:
        assert any("started on" in line for line in process.stderr)
        yield
    finally:
        process.terminate()
        process.stderr.read()
        process.wait()
        process.stderr.close()


def test_a_job_goes_from_command_to_command(url: str, shop: Path, working: None) -> None:
    with open_sync_driver(url) as driver:
        client = SyncClient(driver)
        good = told(shop, "enqueue", "shop:jobs", "mail", '{"to": "ada"}')
        bad = told(shop, "enqueue", "shop:jobs", "mail", '{"to": "nobody"}')
        list(client.watch(timeout=60))
    shown = tell(shop, "show", good["id"]).stdout
    assert 'result        "sent to ada"' in shown
    assert "- ended: completed" in shown
    assert "Discard: there is no such address" in tell(shop, "show", bad["id"]).stdout
    assert told(shop, "list", "--state", "discarded")["jobs"][0]["id"] == bad["id"]
    assert tell(shop, "sessions").stdout.count("alive") == 1
    assert tell(shop, "delete", "--state", "completed", "--yes").stdout == "1 jobs deleted.\n"
    refused = tell(shop, "delete", "--kind", "mail")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "delete 1 jobs? Nobody is there to answer: say --yes" in refused.stderr


@pytest.mark.parametrize(("answer", "status"), [("y", 0), ("n", 1)])
def test_a_person_at_a_terminal_is_asked(shop: Path, answer: str, status: int) -> None:
    tell(shop, "enqueue", "shop:jobs", "mail", '{"to": "ada"}')
    terminal, theirs = pty.openpty()
    process = subprocess.Popen(
        [*COMMAND, "cancel", "--kind", "mail"],
        cwd=shop,
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    os.write(terminal, f"{answer}\n".encode())
    out, err = process.communicate(timeout=60)
    os.close(terminal)
    os.close(theirs)
    assert "cancel 1 jobs? [y/n] (n)" in err
    assert (process.returncode, out) == (status, "1 jobs cancelled.\n" if status == 0 else "")


def test_a_watch_ends_well_at_the_first_signal(shop: Path) -> None:
    tell(shop, "enqueue", "shop:jobs", "mail", '{"to": "ada"}')
    process = subprocess.Popen(
        [*COMMAND, "watch", "--json", "--every", "0.1"],
        cwd=shop,
        stdout=subprocess.PIPE,
        text=True,
    )
    watchdog = threading.Timer(60, process.kill)
    watchdog.start()
    assert process.stdout is not None
    frames = [json.loads(process.stdout.readline()) for _ in range(2)]
    process.send_signal(signal.SIGINT)
    process.stdout.read()
    assert process.wait() == 0
    watchdog.cancel()
    process.stdout.close()
    assert [frame["queues"][0]["due"] for frame in frames] == [1, 1]
    assert frames[1]["queues"][0]["entered"] == 0.0


@pytest.mark.parametrize("command", ["watch --json --every 0.1", "watch --every 0.1", "list"])
def test_nobody_need_read_to_the_end(shop: Path, command: str) -> None:
    """`| head -1`, and less than that."""
    line = f"{shlex.join(COMMAND)} {command} | true"
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {line}"], cwd=shop, capture_output=True, text=True
    )
    assert (done.stdout, done.stderr) == ("", "")


@pytest.mark.parametrize(
    "command", ["list", "show 01a20dd1-bfc3-7cef-9839-abc7283d2c48", "queues", "sessions", "stats"]
)
def test_a_mistyped_path_is_told_and_makes_no_file(
    tmp_path: Path, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GONCORDIA_DRIVER", f"sqlite:///{tmp_path}/jobs.db")
    done = tell(tmp_path, *command.split())
    assert done.returncode == 1
    assert "goncordia migrate" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())
