from __future__ import annotations

import sys
from pathlib import Path

import pytest
from goncordia.cli.load import load_registry, load_schedules
from goncordia.errors import InvalidArgument

SHOP = """
from goncordia import Args, Every, Job, Registry, Schedules

class Mail(Args, kind="mail"):
    to: str

jobs, empty, number = Registry(), Registry(), 3
schedules, none = Schedules(), Schedules()
schedules.add("mail", Every(60), Mail(to="ada"))

class App:
    jobs = jobs

@jobs.worker
def mail(job: Job[Mail]) -> None: ...
"""
FILES = {"shop": SHOP, "broken": "import nowhere_to_be_found", "silly": "raise OSError('no disk')"}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A directory that nobody put on the path."""
    for name, text in FILES.items():
        (tmp_path / f"{name}.py").write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield
    for name in FILES:
        sys.modules.pop(name, None)


@pytest.mark.parametrize("place", ["shop:jobs", "shop:App.jobs"])
def test_it_is_found_in_the_current_directory(place: str) -> None:
    assert load_registry(place).kinds == ("mail",)


@pytest.mark.parametrize(
    ("place", "says"),
    [
        ("shop", "write module:registry"),
        (":jobs", "write module:registry"),
        ("shop:", "write module:registry"),
        ("shap:jobs", "no module 'shap' in "),
        ("shop.jobs:jobs", "no module 'shop.jobs' in "),
        ("shop:works", "shop has no works; it has jobs, empty"),
        ("shop:number", "is a int, not a goncordia.Registry; it has jobs, empty"),
        ("shop:empty", "has no workers: import the modules"),
        ("broken:jobs", "broken can't be imported: ModuleNotFoundError: No module named 'nowhere"),
        ("silly:jobs", "silly can't be imported: OSError: no disk"),
    ],
)
def test_what_is_no_registry_is_refused(place: str, says: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        load_registry(place)
    assert says in str(refused.value)


def test_schedules_are_found_likewise() -> None:
    assert [entry.name for entry in load_schedules("shop:schedules")] == ["mail"]


@pytest.mark.parametrize(
    ("place", "says"),
    [
        ("shop", "names no schedules: write module:schedules"),
        ("shop:jobs", "is a Registry, not a goncordia.Schedules; it has schedules, none"),
        ("shop:none", "has no schedules: import the modules"),
    ],
)
def test_what_are_no_schedules_is_refused(place: str, says: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        load_schedules(place)
    assert says in str(refused.value)
