"""Every program in a README runs as it stands there, and prints what the README says."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FOLDERS = [ROOT, *(path.parent for path in sorted(ROOT.glob("*/pyproject.toml")))]
READMES = [folder / "README.md" for folder in FOLDERS]

HERE = [
    page
    for page in READMES
    if page.parent == ROOT or not (page.parent / "tests/test_readme.py").exists()
]
"""Whose programs need no server; the other distributions run theirs."""

PROGRAM = re.compile(r"```python\n(.*?)```\n(?:\n```text\n(.*?)```)?", re.DOTALL)
PROGRAMS = [
    pytest.param(*found, id=f"{page.relative_to(ROOT)}-{n}")
    for page in HERE
    for n, found in enumerate(PROGRAM.findall(page.read_text()), 1)
]


def test_every_readme_has_one() -> None:
    for page in READMES:
        assert PROGRAM.search(page.read_text()), page


@pytest.mark.parametrize(("program", "prints"), PROGRAMS)
def test_a_program_runs_as_printed(tmp_path: Path, program: str, prints: str) -> None:
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout == prints
    assert not result.stderr
