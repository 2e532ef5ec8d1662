"""A skip under CI=true fails, whatever skipped it; and what one Python is enough for."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

SKIPS = {
    "call": "def test_it():\n    pytest.skip('no server: install one')\n",
    "mark": "@pytest.mark.skip('no server: install one')\ndef test_it(): ...\n",
    "setup": (
        "@pytest.fixture\ndef server():\n    pytest.skip('no server: install one')\n"
        "def test_it(server): ...\n"
    ),
    "module": "pytest.skip('no server: install one', allow_module_level=True)\n",
}


def run(folder: Path, body: str, ci: str) -> subprocess.CompletedProcess[str]:
    (folder / "conftest.py").write_text((ROOT / "conftest.py").read_text())
    (folder / "test_it.py").write_text(f"import pytest\n{body}")
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--rootdir", folder, folder],
        env={
            "CI": ci,
            "HOME": str(folder),
            "GONCORDIA_PYTHON": os.environ.get("GONCORDIA_PYTHON", ""),
        },
        cwd=folder,
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize("how", SKIPS)
def test_a_skip_under_ci_fails_and_says_what_is_missing(tmp_path: Path, how: str) -> None:
    result = run(tmp_path, SKIPS[how], "true")
    assert result.returncode in (1, 2), result.stdout
    assert "test_it.py" in result.stdout
    assert "with CI=true a skip is a failure" in result.stdout
    assert "no server: install one" in result.stdout


def test_elsewhere_a_skip_is_a_skip(tmp_path: Path) -> None:
    result = run(tmp_path, SKIPS["call"] + "def test_two(): ...\n", "")
    assert result.returncode == 0, result.stdout
    assert "1 passed, 1 skipped" in result.stdout


def test_an_expected_failure_is_no_skip(tmp_path: Path) -> None:
    body = "@pytest.mark.xfail\ndef test_it(): assert False\n"
    result = run(tmp_path, body, "true")
    assert result.returncode == 0, result.stdout
    assert "1 xfailed" in result.stdout


@pytest.mark.parametrize(("here", "passed"), [("lowest", 2), ("newest", 1), ("", 2)])
def test_what_one_python_is_enough_for_is_done_by_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, here: str, passed: int
) -> None:
    monkeypatch.setenv("GONCORDIA_PYTHON", here)
    body = "@pytest.mark.one_python('lowest')\ndef test_one(): ...\ndef test_two(): ...\n"
    result = run(tmp_path, body, "true")
    assert result.returncode == 0, result.stdout
    assert f"{passed} passed" in result.stdout
