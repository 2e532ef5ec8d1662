"""The scripts that stand before everything else, on machines unlike this one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
REAL = os.path.realpath(getattr(sys, "_base_executable", sys.executable))
VERSION = ".".join(map(str, sys.version_info[:3]))


def executable(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A checkout's scripts beside a `bin` that has the system's commands and no Python."""
    shutil.copytree(ROOT / "scripts", tmp_path / "scripts")
    shutil.copy(ROOT / "constraints.txt", tmp_path)
    commands = ["bash", "cat", "dirname", "env", "head", "mktemp", "rm", "sh", "sort", "tail"]
    for command in [*commands, "touch"]:
        found = shutil.which(command)
        assert found, command
        (tmp_path / "bin").mkdir(exist_ok=True)
        (tmp_path / "bin" / command).symlink_to(found)
    return tmp_path


def run(machine: Path, script: str) -> subprocess.CompletedProcess[str]:
    environment = {
        "PATH": str(machine / "bin"),
        "HOME": str(machine),
        "PYENV_ROOT": str(machine / "pyenv"),
        "PIP_NO_INDEX": "1",
    }
    return subprocess.run(
        [machine / "scripts" / script],
        cwd=machine,
        env=environment,
        capture_output=True,
        text=True,
    )


def test_a_python_is_listed_once_by_its_real_path(machine: Path) -> None:
    (machine / "bin/python3").symlink_to(sys.executable)
    executable(machine / "pyenv/versions/3.x/bin/python3.99", f'exec "{REAL}" "$@"')
    assert run(machine, "pythons").stdout == f"{VERSION} {REAL}\n"


def test_shims_that_refuse_and_old_pythons_are_passed_over(machine: Path) -> None:
    executable(machine / "bin/python3", "echo 'pyenv: python3: command not found' >&2; exit 127")
    executable(machine / "bin/python3.10", "exit 0")
    executable(machine / "pyenv/versions/3.x/bin/python3.99", f'exec "{REAL}" "$@"')
    assert run(machine, "pythons").stdout == f"{VERSION} {REAL}\n"


def test_the_lowest_comes_first_by_number_not_by_letter(machine: Path) -> None:
    for name, version in (("python3.12", "3.12.10"), ("python3.13", "3.12.9")):
        executable(machine / "bin" / name, f"echo {version} /opt/{name}")
    listed = run(machine, "pythons").stdout.splitlines()
    assert listed == ["3.12.9 /opt/python3.13", "3.12.10 /opt/python3.12"]


def test_without_a_python_it_says_how_to_get_one(machine: Path) -> None:
    result = run(machine, "get-uv")
    assert result.returncode == 1
    assert "No Python 3.11 or newer" in result.stderr
    assert "apt-get install python3.11" in result.stderr


def python_without_venv(machine: Path, version: str) -> None:
    path = machine / f"bin/python{version}"
    executable(
        path,
        f'[ "$2" = venv ] && {{ echo "No module named ensurepip"; exit 1; }}\n'
        f"echo {version}.0 {path}",
    )


def test_without_venv_it_says_how_to_get_it(machine: Path) -> None:
    python_without_venv(machine, "3.11")
    result = run(machine, "get-uv")
    assert result.returncode == 1
    assert "No module named ensurepip" in result.stderr
    assert "apt-get install python3-venv" in result.stderr
    assert not (machine / ".uv").exists()


def test_another_python_is_taken_where_the_newest_has_no_venv(machine: Path) -> None:
    python_without_venv(machine, "3.99")
    (machine / "bin/python3").symlink_to(sys.executable)
    run(machine, "get-uv")
    made_of = (machine / ".uv/pyvenv.cfg").read_text()
    assert f"version = {VERSION}" in made_of


def test_an_index_that_can_not_be_reached_is_named_as_the_cause(machine: Path) -> None:
    executable(machine / ".uv/bin/python", '[ "$3" = --version ] || { echo "no route"; exit 1; }')
    (machine / "bin/python3").symlink_to(sys.executable)
    result = run(machine, "get-uv")
    assert result.returncode == 1
    assert "no route" in result.stderr
    assert "package index" in result.stderr
