"""What the pages of the documentation say happens, on both event loops."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
DOCS = ROOT / "docs"
RUN = Path(__file__).parent / "run_page.py"
ELSEWHERE = {"write-a-driver.md", "how-to/testing.md"}
"""They have tests of their own: quotes of an example, files that pytest runs."""
PAGES = sorted(page for page in DOCS.rglob("*.md") if str(page.relative_to(DOCS)) not in ELSEWHERE)
RUNNABLE = [page for page in PAGES if re.search(r"^ *```(python|console)", page.read_text(), re.M)]


@pytest.fixture
def surroundings(tmp_path: Path) -> dict[str, str]:
    """Where `goncordia` and `python` are those of the tests, and tables have room."""
    tools = tmp_path / ".tools"
    tools.mkdir()
    for name, words in {
        "goncordia": "-m goncordia.cli",
        "python": "",
        "pytest": "-m pytest",
    }.items():
        tool = tools / name
        tool.write_text(f'#!/bin/sh\nexec "{sys.executable}" {words} "$@"\n')
        tool.chmod(0o755)
    path = f"{tools}{os.pathsep}{os.environ['PATH']}"
    return {"HOME": str(tmp_path), "PATH": path, "COLUMNS": "100", "PYTHONPATH": str(tmp_path)}


def read(page: Path, loop: str, folder: Path, surroundings: dict[str, str]):
    return subprocess.run(
        [sys.executable, "-W", "error", RUN, page, loop],
        cwd=folder,
        env=surroundings,
        capture_output=True,
        text=True,
        timeout=180,
    )


@pytest.mark.one_python
@pytest.mark.parametrize("loop", ["asyncio", "trio"])
@pytest.mark.parametrize("page", RUNNABLE, ids=lambda page: str(page.relative_to(DOCS)))
def test_a_page_is_true(page: Path, loop: str, tmp_path: Path, surroundings, request) -> None:
    if "DATABASE_URL" in page.read_text():
        surroundings["DATABASE_URL"] = request.getfixturevalue("postgres_url")
    ended = read(page, loop, tmp_path, surroundings)
    assert ended.returncode == 0, ended.stderr


def test_the_menu_names_every_page() -> None:
    menu = tomllib.loads((ROOT / "zensical.toml").read_text())["project"]["nav"]

    def named(entries) -> list[str]:
        values = [value for entry in entries for value in entry.values()]
        return [p for v in values for p in (named(v) if isinstance(v, list) else [v])]

    assert sorted(named(menu)) == sorted(str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md"))


LIES = {
    "an exception": "```python\n1 / 0\n```\n",
    "another output": "```python\nprint(1)\n```\n\n```text\n2\n```\n",
    "no output": "```python\nprint(1)\n```\n",
    "a missing await": "```python\nimport anyio\nanyio.sleep(0)\n```\n",
    "a failed command": "```console\n$ false\n```\n",
    "another status": "```console\n$ true  # exits with 1\n```\n",
    "what a command prints": "```console\n$ echo 1\n2\n```\n",
    "a file": '```python title="x.py"\nprint(2)\n```\n\n```console\n$ python x.py\n1\n```\n',
    "a worker": "```console\n$ goncordia worker no:jobs --driver memory:\n```\n",
}


@pytest.mark.parametrize("lie", LIES)
def test_a_page_that_lies_is_caught(lie: str, tmp_path: Path, surroundings) -> None:
    page = tmp_path / "page.md"
    page.write_text(LIES[lie])
    assert read(page, "asyncio", tmp_path, surroundings).returncode == 1


def test_a_page_may_say_all_of_it(tmp_path: Path, surroundings) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "```python\nimport anyio\nawait anyio.sleep(0)\nx = 1\nprint(x)\n```\n\n```text\n1\n```\n\n"
        '```python title="a/b.py"\nprint("in b")\n```\n\n'
        "- in a list\n\n    ```python\n    print(x)\n    ```\n\n    ```text\n    1\n    ```\n\n"
        "```console\n$ pip install nothing\n$ python a/b.py\nin ...\n$ false  # exits with 1\n```\n"
    )
    ended = read(page, "trio", tmp_path, surroundings)
    assert ended.returncode == 0, ended.stderr
