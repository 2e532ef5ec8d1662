from __future__ import annotations

import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from goncordia import Args, Every, Schedules
from goncordia.cli import loops, schedules
from goncordia.cli.app import run
from goncordia.memory import MemoryDriver
from goncordia.scheduler import Scheduler
from goncordia.system_clock import SystemClock

SHOP = """
from datetime import datetime

from goncordia import Args, Cron, Every, ScheduleFunc, Schedules

class Mail(Args, kind="mail"):
    to: str

schedules, broken = Schedules(), Schedules()
schedules.add("seconds", Every(1), Mail(to="ada"), run_on_start=True)
schedules.add("new-year", Cron("0 0 1 1 *", tz="Europe/Berlin"), Mail(to="bob"))

def never(after: datetime) -> None: ...

def wrong(after: datetime) -> datetime:
    raise LookupError("no calendar")

schedules.add("never", ScheduleFunc(never), Mail(to="eve"))
broken.add("wrong", ScheduleFunc(wrong), Mail(to="eve"))
"""


class Mail(Args, kind="mail"):
    to: str


@pytest.fixture(autouse=True)
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A store that a worker had the first schedule on."""
    driver, own = MemoryDriver(), Schedules()
    own.add("seconds", Every(1), Mail(to="ada"), run_on_start=True)
    loops.run(Scheduler(driver, own, SystemClock()).turn, "asyncio")
    monkeypatch.setattr(schedules, "open_driver", {"memory:": driver}.__getitem__)
    (tmp_path / "calendar_shop.py").write_text(SHOP)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield
    sys.modules.pop("calendar_shop", None)


def told(capsys, *arguments: str, place: str = "schedules", status: int = 0) -> str:
    wanted = ["schedules", f"calendar_shop:{place}", "--driver", "memory:", *arguments]
    assert run(wanted) == status
    return capsys.readouterr().out


def test_programs_read_when_it_was_and_will_be(capsys) -> None:
    seconds, year, never = json.loads(told(capsys, "--json"))
    last, following = (datetime.fromisoformat(seconds[key]) for key in ("last", "next"))
    assert seconds["schedule"] == "every 0:00:01"
    assert seconds["seen"]
    assert timedelta(0) < following - last <= timedelta(seconds=1)
    assert (year["schedule"], year["last"], year["seen"]) == (
        "0 0 1 1 * Europe/Berlin",
        None,
        False,
    )
    assert datetime.fromisoformat(year["next"]).astimezone(UTC).strftime("%m-%d %H") == "12-31 23"
    assert (never["schedule"], never["next"]) == ("never", None)


def test_looking_starts_nothing(capsys) -> None:
    assert told(capsys, "--json").count('"seen": false') == 2
    assert told(capsys, "--json").count('"seen": false') == 2


def test_people_read_a_table(capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "140")
    lines = told(capsys).splitlines()
    assert any("seconds" in line and line.count("UTC") == 2 for line in lines)
    assert any("new-year" in line and "no worker has had it yet" in line for line in lines)


def test_a_schedule_that_raises_is_told(capsys) -> None:
    wanted = ["schedules", "calendar_shop:broken", "--driver", "memory:"]
    with pytest.raises(SystemExit) as ended:
        run(wanted)
    assert ended.value.code
    assert "schedule 'wrong': LookupError: no calendar" in capsys.readouterr().err
