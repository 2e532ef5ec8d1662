"""Building the distributions, and installing wheels into bare environments."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
UV = ROOT / "scripts/uv"
PINS = ROOT / "constraints.txt"


def _run(*command: str | Path, cwd: Path = ROOT) -> str:
    result = subprocess.run(command, cwd=cwd, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """PostgreSQL costs as much as both others: of two Pythons each meets it on one loop."""
    for item in items:
        params: dict[str, str] = getattr(getattr(item, "callspec", None), "params", {})
        if params.get("store") == "postgres":
            item.add_marker(pytest.mark.one_python)


@pytest.fixture(scope="session")
def run() -> Callable[..., str]:
    """Run a command that must succeed; what it printed."""
    return _run


@pytest.fixture(scope="session")
def python() -> Path:
    """The interpreter under the environment that runs the tests."""
    return Path(getattr(sys, "_base_executable", sys.executable)).resolve()


@pytest.fixture(scope="session")
def build(tmp_path_factory: pytest.TempPathFactory, python: Path) -> Callable[..., Path]:
    """Build what the arguments name; the folder that holds it."""

    def build(*what: str | Path) -> Path:
        folder = tmp_path_factory.mktemp("dist")
        _run(
            UV, "build", *what, "--out-dir", folder, "--python", python,
            "--build-constraints", PINS,
        )  # fmt: skip
        return folder

    return build


@pytest.fixture(scope="session")
def dist(build: Callable[..., Path]) -> Path:
    """Wheels and sdists of every distribution."""
    return build("--all-packages")


@pytest.fixture(scope="session")
def install(tmp_path_factory: pytest.TempPathFactory, python: Path) -> Callable[..., Path]:
    """Install the arguments, at the pinned versions, into a new environment; its Python."""

    def install(*what: str | Path) -> Path:
        venv = tmp_path_factory.mktemp("bare")
        _run(UV, "venv", "--no-project", "--clear", "--python", python, venv)
        _run(UV, "pip", "install", "--python", venv, "-c", PINS, *what, cwd=venv)
        return venv / "bin/python"

    return install
