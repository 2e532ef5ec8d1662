"""Real distributions, written on the fly to a folder on the path."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

PLUGIN = """\
from goncordia.hookspecs import hookimpl
from goncordia.memory import MemoryDriver, SyncMemoryDriver

opened = []

@hookimpl
def goncordia_open(url):
    opened.append(url)
    return MemoryDriver()

@hookimpl
def goncordia_open_sync(url):
    opened.append(url)
    return SyncMemoryDriver()
"""

Install = Callable[..., None]


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty folder for packages, first on the path; what is imported from it is forgotten."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    for name in set(sys.modules) - before:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


@pytest.fixture
def install(site: Path) -> Install:
    """`install("goncordia-x", "x", PLUGIN)`: a distribution with a module and an entry point."""

    def install(
        name: str, scheme: str, code: str | None, *, entry_points: str | None = None
    ) -> None:
        module = name.replace("-", "_")
        info = site / f"{module}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        text = entry_points or f"[goncordia.drivers]\n{scheme} = {module}\n"
        (info / "entry_points.txt").write_text(text)
        if code is not None:
            (site / f"{module}.py").write_text(code)

    return install
