"""`watch`: frames of what the store shows, and of what happened between two of them."""

from __future__ import annotations

import io
import json
import os
import signal
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import anyio
import pytest
from goncordia.cli.watch import look
from goncordia.cli.watch.look import Frame, Look
from goncordia.cli.watch.screen import picture
from goncordia.errors import Unavailable
from goncordia.jobs import completed, discarded
from rich.console import Console

from .conftest import WENT_WRONG, Mail, Report, Shell


class Time:
    """The time of looks, and what happens between them."""

    def __init__(self) -> None:
        self.at = datetime.now(UTC)
        self.between: list[Callable[[], object]] = []

    async def sleep(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)
        if self.between:
            self.between.pop(0)()


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    time = Time()
    monkeypatch.setattr(look, "utc_now", lambda: time.at)
    monkeypatch.setattr(anyio, "sleep", time.sleep)
    return time


def frames(shell: Shell, *arguments: str) -> list[Any]:
    return [json.loads(line) for line in shell("watch", "--json", *arguments).splitlines()]


def test_a_frame_says_how_things_stand(filled: Shell, time: Time) -> None:
    filled.claim()
    time.at += timedelta(seconds=30)
    [frame] = frames(filled, "--frames", "1")
    default, slow = frame["queues"]
    assert (default["queue"], default["due"], default["running"]) == ("default", 1, 1)
    assert 30 <= default["oldest"] < 300
    assert (slow["dormant"], slow["oldest"]) == (1, None)
    assert (frame["workers"], frame["slots"]) == (1, 3)
    assert default["entered"] is None
    assert [failure["kind"] for failure in frame["failures"]] == ["mail", "mail"]
    assert frame["failures"][0]["error"].startswith("attempt 1 failed with ValueError")


def test_two_frames_say_how_fast_things_go(shell: Shell, time: Time) -> None:
    def work() -> None:
        shell.end(completed, n=4)
        shell.end(discarded, WENT_WRONG, n=2)
        shell.driver.store.insert([])

    for n in range(6):
        shell.enqueue(Mail(to=str(n)))
    time.between = [work]
    first, second = (frame["queues"][0] for frame in frames(shell, "--frames", "2", "--every", "2"))
    assert first["completed"] is None
    assert (second["entered"], second["completed"], second["failed"]) == (0, 2.0, 1.0)


def test_the_oldest_job_is_told_of_a_long_queue(shell: Shell, time: Time) -> None:
    shell.do(lambda client: client.enqueue(Mail(to="first"), run_at=time.at - timedelta(hours=1)))
    shell.do(lambda client: client.enqueue_many([Mail(to=str(n)) for n in range(150)]))
    [frame] = frames(shell, "--frames", "1")
    assert frame["queues"][0]["due"] == 151
    assert 3600 <= frame["queues"][0]["oldest"] < 4000
    assert "oldest 1 h" in shell("watch", "--frames", "1")


def test_queues_may_be_picked(filled: Shell, time: Time) -> None:
    [frame] = frames(filled, "--frames", "1", "--queue", "slow")
    assert [line["queue"] for line in frame["queues"]] == ["slow"]
    assert frame["failures"] == []


def test_plain_lines_where_there_is_no_terminal(filled: Shell, time: Time) -> None:
    filled.do(lambda client: client.pause("slow"))
    said = filled("watch", "--frames", "2").splitlines()
    at = f"{time.at:%H:%M:%S}"
    assert said[-3].startswith(f"{at}  default: due 2, oldest ")
    assert said[-3].endswith("in/s 0.0, done/s 0.0, failed/s 0.0")
    assert said[-2].startswith(f"{at}  slow: paused, dormant 1")
    assert said[-1] == f"{at}  0 live workers, 0 slots"
    assert len(said) == 6


def test_the_screen_of_a_terminal(filled: Shell) -> None:
    async def one(client) -> Frame:
        return await Look(client, ()).frame()

    filled.do(lambda client: client.pause("slow"))
    console = Console(file=io.StringIO(), width=120, force_terminal=True, color_system=None)
    console.print(picture(filled.do(one)))
    lines = console.file.getvalue().splitlines()  # pyright: ignore[reportAttributeAccessIssue]
    assert "0 live workers, 0 slots   Ctrl-C ends" in lines[0]
    assert any("slow (paused)" in line for line in lines)
    assert "the newest discarded jobs:" in lines
    assert (
        sum("mail: attempt 1 failed with ValueError: no [bold] good" in line for line in lines) == 2
    )


def test_a_store_that_does_not_count(
    filled: Shell, time: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled.weaken(counts="absent")
    frame = frames(filled, "--frames", "2")[1]
    default = frame["queues"][0]
    assert (default["due"], default["dormant"], default["completed"]) == (None, None, None)
    assert default["oldest"] is None
    assert [queue["due"] for queue in filled.json("queues")] == [None, None]
    assert "?" in filled("queues")
    assert "default: due ?, dormant ?, running ?, oldest ?" in filled("watch", "--frames", "1")


def test_an_outage_is_waited_out(shell: Shell, time: Time, monkeypatch: pytest.MonkeyPatch) -> None:
    shell.enqueue(Report())
    frame, outages = Look.frame, [Unavailable("gone for lunch")]

    async def sometimes(self: Look) -> Frame:
        if outages:
            raise outages.pop()
        return await frame(self)

    monkeypatch.setattr(Look, "frame", sometimes)
    assert len(frames(shell, "--frames", "2")) == 1
    assert shell.err == "goncordia: gone for lunch\n"


def test_a_signal_ends_it_well(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[Frame] = []

    async def sleep(seconds: float) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        await anyio.Event().wait()

    monkeypatch.setattr(anyio, "sleep", sleep)
    monkeypatch.setattr("goncordia.cli.watch.screen._json", shown.append)
    shell("watch", "--json")
    assert len(shown) == 1


@pytest.mark.parametrize(
    ("arguments", "remedy"),
    [
        (["--every", "0"], "0.1 seconds or more"),
        (["--every", "nan"], "0.1 seconds or more"),
        (["--frames", "0"], "use 1 or more"),
        (["--queue", "no blanks"], "letters, digits"),
    ],
)
def test_wrong_usage(shell: Shell, arguments: list[str], remedy: str) -> None:
    shell("watch", *arguments, status=2)
    assert remedy in shell.err
