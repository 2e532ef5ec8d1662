"""The reference has every distribution's public names: a page asks for each by its docstring."""

from __future__ import annotations

import importlib
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
PAGES = {page: page.read_text() for page in sorted((ROOT / "docs/reference").glob("*.md"))}
ASKED = {name for text in PAGES.values() for name in re.findall(r"^::: ([\w.]+)$", text, re.M)}
UNPUBLISHED = {"goncordia_testservers"}
PACKAGES = sorted(
    {path.parent.name for path in ROOT.glob("*/src/*/__init__.py")} - UNPUBLISHED
)  # fmt: skip


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_is_there_with_its_names(package: str) -> None:
    if package in ASKED:
        return
    parts = {name for name in ASKED if name.startswith(f"{package}.")}
    assert parts, f"no page of docs/reference says ::: {package}"
    assert not getattr(importlib.import_module(package), "__all__", ())


@pytest.mark.parametrize("name", sorted(ASKED))
def test_what_a_page_asks_for_exists(name: str) -> None:
    module, _, attribute = name.rpartition(".")
    try:
        importlib.import_module(name)
    except ModuleNotFoundError:
        assert hasattr(importlib.import_module(module), attribute)


def test_it_is_made_from_the_sources_of_all_of_them() -> None:
    project = tomllib.loads((ROOT / "zensical.toml").read_text())["project"]
    sources = project["plugins"]["mkdocstrings"]["handlers"]["python"]["paths"]
    assert {
        path.name for source in sources for path in (ROOT / source).iterdir() if path.is_dir()
    } >= set(PACKAGES)
