"""The versions in constraints.txt are those that the distributions ask for, and name no machine."""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent

ADDRESS = re.compile(
    r"--(extra-)?index-url|--find-links|--trusted-host|\bindex-url\s*=|\[\[tool\.uv\.index\]\]"
    r"|https?://[^\s/]*/(simple|api/pypi|artifactory|repository)\b"
    r"|//(files\.)?py(pi|thonhosted)\b|(UV|PIP)_\w*INDEX\w*=",
    re.IGNORECASE,
)


def tracked() -> list[Path]:
    names = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    return [ROOT / name for name in names.split("\0") if name]


def test_the_pins_are_current(tmp_path: Path) -> None:
    fresh = tmp_path / "constraints.txt"
    shutil.copy(ROOT / "constraints.txt", fresh)
    subprocess.run([ROOT / "scripts/pins", fresh], check=True)
    assert fresh.read_text() == (ROOT / "constraints.txt").read_text(), "run: make pins"


def test_no_file_names_a_registry() -> None:
    named = [
        f"{path.relative_to(ROOT)}: {line}"
        for path in tracked()
        if path.is_file() and path != Path(__file__)
        for line in path.read_text(errors="replace").splitlines()
        if ADDRESS.search(line)
    ]
    assert not named


def test_a_lock_file_with_addresses_is_no_part_of_the_project() -> None:
    assert not [path for path in tracked() if path.name == "uv.lock"]


def test_the_scan_knows_an_address_when_it_sees_one() -> None:
    for line in (
        "--index-url https://pypi.example/simple",
        'index-url = "https://mirror.example/pypi"',
        "https://mirror.example/simple/anyio/",
        "[[tool.uv.index]]",
        "UV_DEFAULT_INDEX=https://mirror.example",
    ):
        assert ADDRESS.search(line), line


def test_drivers_pin_a_compatible_range_of_core() -> None:
    for path in ROOT.glob("*/pyproject.toml"):
        project = tomllib.loads(path.read_text())["project"]
        private = "Private :: Do Not Upload" in project.get("classifiers", [])
        if project["name"] != "goncordia-core" and not private:
            core = [d for d in project["dependencies"] if d.startswith("goncordia-core")]
            assert core, path
            assert re.fullmatch(r"goncordia-core>=\d+\.\d+(\.\d+)?,<\d+\.\d+", core[0]), core
