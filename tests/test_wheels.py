"""Every distribution builds, and the wheels run the README's quick start in a bare environment."""

from __future__ import annotations

import re
import tarfile
import tomllib
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., str]

ROOT = Path(__file__).parent.parent
MEMBERS = sorted(path.parent for path in ROOT.glob("*/pyproject.toml"))


@pytest.fixture(scope="module")
def bare(dist: Path, install: Callable[..., Path]) -> Path:
    """The Python of an environment that holds the wheels and what they require, no extras."""
    return install(*dist.glob("*.whl"))


@pytest.mark.parametrize("member", MEMBERS, ids=lambda path: path.name)
def test_a_distribution_is_a_wheel_and_an_sdist(dist: Path, member: Path) -> None:
    project = tomllib.loads((member / "pyproject.toml").read_text())["project"]
    stem = f"{project['name'].replace('-', '_')}-{project['version']}"
    package = next((member / "src").glob("*/py.typed")).parent.name
    wheel = zipfile.ZipFile(dist / f"{stem}-py3-none-any.whl")
    inside = wheel.namelist()
    assert f"{package}/py.typed" in inside
    assert f"{stem}.dist-info/licenses/LICENSE" in inside
    assert not [name for name in inside if "test" in Path(name).name and "tests" in name]
    licence = wheel.read(f"{stem}.dist-info/licenses/LICENSE").decode()
    assert licence == (ROOT / "LICENSE").read_text()
    with tarfile.open(dist / f"{stem}.tar.gz") as sdist:
        assert {f"{stem}/README.md", f"{stem}/LICENSE"} <= set(sdist.getnames())


def test_the_quick_start_runs_from_the_wheels(bare: Path, tmp_path: Path, run: Run) -> None:
    program = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)[0]
    printed = run(bare, "-I", "-W", "error", "-c", program, cwd=tmp_path)
    assert printed == "to ada@example.com: Welcome\n"
    assert (tmp_path / "jobs.db").exists()


def test_it_is_the_wheels_that_run(bare: Path, tmp_path: Path, run: Run) -> None:
    where = run(bare, "-I", "-c", "import goncordia; print(goncordia.__file__)", cwd=tmp_path)
    assert Path(where).is_relative_to(bare.parent.parent)
