"""Each dependency stands in docs/dependencies.md with a line that says why it is here."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent


def names(requirements: list[str]) -> set[str]:
    return {re.split(r"[\[<>=!~; ]", text, maxsplit=1)[0] for text in requirements}


def declared() -> set[str]:
    found: set[str] = set()
    for path in (ROOT / "pyproject.toml", *ROOT.glob("*/pyproject.toml")):
        table = tomllib.loads(path.read_text())
        project = table.get("project", {})
        found |= names(project.get("dependencies", []))
        found |= names(table.get("build-system", {}).get("requires", []))
        groups = (project.get("optional-dependencies", {}), table.get("dependency-groups", {}))
        found |= {name for group in groups for wanted in group.values() for name in names(wanted)}
    return {name for name in found if not name.startswith("goncordia-")}


def explained() -> dict[str, str]:
    rows = re.findall(
        r"^\| `([\w-]+)` \| ([^|]+) \| ([^|]+) \|$",
        (ROOT / "docs/dependencies.md").read_text(),
        re.MULTILINE,
    )
    return {name: reason.strip() for name, _, reason in rows}


def lines() -> dict[str, str]:
    text = (ROOT / "docs/dependencies.md").read_text()
    return dict(re.findall(r"^\| `([\w-]+)` \| ([^|]+?) \|", text, re.MULTILINE))


def test_each_has_one_reason_and_none_is_left_over() -> None:
    assert set(explained()) == declared()
    assert all(explained().values())


def test_the_version_line_is_the_pinned_one() -> None:
    pinned = dict(re.findall(r"^([\w-]+)==(\S+)", (ROOT / "constraints.txt").read_text(), re.M))
    for name, line in lines().items():
        assert f"{pinned[name]}.".startswith(f"{line}."), f"{name}: {line}, pinned {pinned[name]}"
