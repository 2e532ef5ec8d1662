"""What a deploy could not run is found before it is deployed; each by making it true."""

from __future__ import annotations

import json
import sys
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from goncordia import Args, Client, Enqueue
from goncordia.cli import check, loops
from goncordia.cli.app import run
from goncordia.memory import MemoryDriver

SHOP = """
from goncordia import Args, Job, Registry

jobs, bills, empty = Registry(), Registry(), Registry()

class Mail(Args, kind="mail", version=3, upcasters={2: lambda old: old | {"cc": ""}}):
    to: list[str]
    cc: str

class Bill(Args, kind="bill"):
    euros: int

@jobs.worker
async def mail(job: Job[Mail]) -> None: ...

@bills.worker
async def bill(job: Job[Bill]) -> None: ...
"""


class Newest(Args, kind="mail", version=3):
    to: list[str]
    cc: str


class Middle(Args, kind="mail", version=2):
    to: list[object]


class First(Args, kind="mail"):
    to: str


class Ahead(Args, kind="mail", version=4):
    to: str


class Bill(Args, kind="bill"):
    euros: int


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    driver = MemoryDriver()
    monkeypatch.setattr(check, "open_driver", {"memory:": driver}.__getitem__)
    (tmp_path / "checked_shop.py").write_text(SHOP)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setenv("COLUMNS", "400")
    yield driver
    sys.modules.pop("checked_shop", None)


def enqueue(driver: MemoryDriver, *requests: Args | Enqueue):
    async def all_of_them():
        return await Client(driver).enqueue_many(requests)

    return [str(each.id) for each in loops.run(all_of_them, "asyncio")]


def told(capsys: pytest.CaptureFixture[str], status: int, *arguments: str) -> str:
    wanted = ["check", "checked_shop:jobs", "--driver", "memory:", *arguments]
    if status:
        with pytest.raises(SystemExit) as ended:
            run(wanted)
        assert ended.value.code == status
    else:
        assert run(wanted) == 0
    return capsys.readouterr().out


def test_an_empty_store_is_well(store, capsys) -> None:
    assert json.loads(told(capsys, 0, "--json")) == {"ok": True, "kinds": []}


def test_what_can_be_read_is_well_and_so_said(store, capsys) -> None:
    enqueue(store, Newest(["ada"], "bob"), Middle(["ada"]))
    assert json.loads(told(capsys, 0, "--json")) == {
        "ok": True,
        "kinds": [{"kind": "mail", "jobs": 2, "all": True, "findings": []}],
    }
    assert "jobs looked at: 2, kinds: 1\nthis deploy can run them all" in told(capsys, 0)


@pytest.mark.parametrize(
    ("args", "version", "problem", "words"),
    [
        (Bill(3), 1, "no worker handles the kind", "kind 'bill'"),
        (Ahead("ada"), 4, "a later deploy stored them", "have version 4, and this deploy knows 3"),
        (First("ada"), 1, "an upcaster is missing", "no upcaster from version 1 to 2"),
        (Middle([1]), 2, "their args can't be read", "`$.to[0]`"),
    ],
    ids=["unknown", "ahead", "missing", "unreadable"],
)
def test_each_problem_is_found_with_its_jobs(store, capsys, args, version, problem, words) -> None:
    ids = enqueue(store, args, Enqueue(args, run_at=timedelta(days=365)), Newest(["eve"], ""))
    found = json.loads(told(capsys, 1, "--json"))
    assert not found["ok"]
    [finding] = [finding for kind in found["kinds"] for finding in kind["findings"]]
    assert (finding["problem"], finding["version"], finding["jobs"]) == (problem, version, 2)
    assert finding["example"] in ids[:2]
    assert words in finding["told"]
    table = told(capsys, 1)
    assert all(word in table for word in (problem, words, finding["example"]))


def test_several_registries_are_one_deploy(store, capsys) -> None:
    enqueue(store, Bill(3), Newest(["ada"], ""))
    told(capsys, 1)
    assert "can run them all" in told(capsys, 0, "checked_shop:bills")


def test_jobs_that_have_ended_or_not_fallen_due(store, capsys) -> None:
    """An ended job is nobody's business; one that is due next year is."""
    [ref] = enqueue(store, Bill(3))

    async def cancel():
        await Client(store).cancel(UUID(ref))

    loops.run(cancel, "asyncio")
    assert json.loads(told(capsys, 0, "--json"))["kinds"] == []
    enqueue(store, Enqueue(Bill(3), run_at=timedelta(days=365)))
    told(capsys, 1)


def test_it_looks_at_so_many_rows_and_says_so(store, capsys, monkeypatch) -> None:
    monkeypatch.setattr(check, "PAGE", 3)
    enqueue(store, *(Newest(["ada"], "") for _ in range(8)))
    [kind] = json.loads(told(capsys, 0, "--json", "--rows", "7"))["kinds"]
    assert (kind["jobs"], kind["all"]) == (7, False)
    assert "of mail only the newest: --rows takes more" in told(capsys, 0, "--rows", "7")
    [kind] = json.loads(told(capsys, 0, "--json", "--rows", "8"))["kinds"]
    assert (kind["jobs"], kind["all"]) == (8, True)


def test_a_registry_without_workers_is_a_mistake(store, capsys) -> None:
    with pytest.raises(SystemExit) as ended:
        run(["check", "checked_shop:empty", "--driver", "memory:"])
    assert ended.value.code == 2
