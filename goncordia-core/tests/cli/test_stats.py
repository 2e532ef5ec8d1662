from __future__ import annotations

import json
from datetime import timedelta

import pytest
from goncordia import Args, Client
from goncordia.cli import loops, stats
from goncordia.cli.app import run
from goncordia.memory import MemoryDriver
from goncordia.sessions import WorkerInfo


class Mail(Args, kind="mail"):
    to: str


async def fill(driver: MemoryDriver) -> None:
    async with driver:
        client = Client(driver)
        await client.enqueue_many([Mail(to="ada"), Mail(to="bob")])
        await client.enqueue(Mail(to="eve"), queue="slow", run_at=timedelta(days=1))
        await client.pause("slow")
        await driver.join(WorkerInfo("host:7", ("default",), ("mail",), 3), timedelta(seconds=60))


@pytest.fixture(autouse=True)
def store(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the command opens is a store with three jobs, a paused queue and a worker."""
    driver = MemoryDriver()
    loops.run(lambda: fill(driver), "asyncio")
    monkeypatch.setattr(stats, "open_driver", {"memory:": driver}.__getitem__)


def told(capsys, *arguments: str) -> str:
    assert run(["stats", "--driver", "memory:", *arguments]) == 0
    return capsys.readouterr().out


def test_programs_read_json(capsys) -> None:
    answer = json.loads(told(capsys, "--json"))
    default, slow = answer["queues"]
    assert default["counts"]["available"] == 2
    assert default["paused_at"] is None
    assert slow["counts"]["scheduled"] == 1
    assert slow["paused_at"].startswith("20")
    assert not slow["approximate"]
    assert all(len(queue["counts"]) == 7 for queue in answer["queues"])
    (worker,) = answer["workers"]
    assert (worker["name"], worker["alive"], worker["concurrency"]) == ("host:7", True, 3)


def test_people_read_a_table(capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    lines = told(capsys).splitlines()
    (default,) = [line.split() for line in lines if "default" in line and "host" not in line]
    assert default[3] == "2"
    assert any("slow (paused)" in line and " 1 " in line for line in lines)
    assert any("host:7" in line and "UTC" in line for line in lines)


def test_a_queue_may_be_asked_for_alone(capsys) -> None:
    answer = json.loads(told(capsys, "--json", "--queue", "slow"))
    assert [queue["name"] for queue in answer["queues"]] == ["slow"]
