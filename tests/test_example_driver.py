"""The example of docs/write-a-driver.md: built, installed, found, certified; and the page."""

from __future__ import annotations

import ast
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path

import pytest
from goncordia.capabilities import Capabilities
from goncordia.driver import Driver

ROOT = Path(__file__).parent.parent
EXAMPLE = ROOT / "examples/goncordia-lmdb"
TESTS = EXAMPLE / "tests/test_conformance.py"
PAGE = (ROOT / "docs/write-a-driver.md").read_text()
SOURCES = sorted(EXAMPLE.rglob("*.py"))

QUOTES = re.findall(r'^```\w+ title="(.+?)"\n(.*?)^```$', PAGE, re.DOTALL | re.MULTILINE)

Run = Callable[..., str]


@pytest.fixture(scope="module")
def bare(dist: Path, build: Callable[..., Path], install: Callable[..., Path]) -> Path:
    """The Python of an environment with the suite and the driver, all from wheels."""
    return install(*dist.glob("*.whl"), *build("--wheel", EXAMPLE).glob("*.whl"))


def test_it_is_found_by_its_scheme(bare: Path, run: Run, tmp_path: Path) -> None:
    program = """if True:
        import anyio, goncordia, goncordia_lmdb, lmdb
        print(goncordia_lmdb.__file__)
        driver = goncordia.open_driver("lmdb:///jobs", tx=lmdb.Transaction)
        async def main():
            async with driver:
                print(*[step.name for step in await driver.migrate()])
        anyio.run(main)
    """
    where, step = run(bare, "-I", "-W", "error", "-c", program, cwd=tmp_path).split()
    assert Path(where).is_relative_to(bare.parent.parent)
    assert step == "jobs"
    assert (tmp_path / "jobs/data.mdb").exists()


def test_it_is_certified(bare: Path, run: Run, tmp_path: Path) -> None:
    shutil.copy(TESTS, tmp_path)
    told = run(bare, "-I", "-m", "pytest", "-q", "-W", "error", TESTS.name, cwd=tmp_path)
    assert re.search(r"^\d+ passed", told, re.MULTILINE), told
    assert "skipped" not in told


def test_its_whole_test_file_is_short() -> None:
    assert len(TESTS.read_text().splitlines()) <= 15


def test_it_uses_public_names_of_inner_rings_only() -> None:
    named = {name for path in SOURCES for name in imported(path) if name.startswith("goncordia.")}
    outer = {"client", "cli", "memory", "middleware", "plugins", "pool", "sync_client", "testing"}
    assert named
    assert not {name for name in named if name.split(".")[1] in outer or "._" in name}


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{a.name}" for a in node.names if a.name.startswith("_"))


def test_it_is_no_member_of_the_workspace() -> None:
    assert "goncordia-lmdb" not in [path.parent.name for path in ROOT.glob("*/pyproject.toml")]
    assert "goncordia-lmdb" not in (ROOT / "pyproject.toml").read_text().split("[tool.ruff]")[0]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_a_module_is_short_enough_to_be_read(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 200


@pytest.mark.parametrize(("name", "quoted"), QUOTES, ids=[name for name, _ in QUOTES])
def test_the_page_quotes_the_files(name: str, quoted: str) -> None:
    [file] = list(EXAMPLE.rglob(name))
    assert quoted.strip()
    assert quoted in file.read_text()


def test_the_page_quotes_most_files() -> None:
    quoted = {name for name, _ in QUOTES}
    assert {path.name for path in SOURCES} - quoted == {"__init__.py"}


def test_the_page_has_every_method_of_the_contract() -> None:
    headings = re.findall(r"^### (`.*)$", PAGE, re.MULTILINE)
    told = {name for heading in headings for name in re.findall(r"`(\w+)`", heading)}
    assert told == {name for name in vars(Driver) if not name.startswith("_")}


def test_the_page_has_every_capability() -> None:
    told = set(re.findall(r"^\| `(\w+)` \| .* \| .* \|$", PAGE, re.MULTILINE))
    assert told == {field.name for field in fields(Capabilities)}
