"""Each dependency stands in docs/dependencies.md with a line that says why it is here."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MEMBERS = sorted(ROOT.glob("*/pyproject.toml"))


def names(requirements: list[str]) -> set[str]:
    return {re.split(r"[\[<>=!~; ]", text, maxsplit=1)[0] for text in requirements}


def declared() -> set[str]:
    found: set[str] = set()
    for path in (ROOT / "pyproject.toml", *MEMBERS):
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


DISTRIBUTIONS = {"goncordia": "goncordia-core", "opentelemetry": "opentelemetry-api"}
"""Where a module comes from, if its name does not say it."""


def imported(source: Path) -> set[str]:
    """What the code below imports when it is imported; inside a function it may be missing."""
    found: set[str] = set()
    for path in source.rglob("*.py"):
        nodes: list[ast.AST] = [ast.parse(path.read_text())]
        for node in nodes:
            if isinstance(node, ast.Import):
                found |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                found.add(node.module.split(".")[0])
            elif not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                nodes += ast.iter_child_nodes(node)
    own = {path.stem for path in source.iterdir()}
    others = found - set(sys.stdlib_module_names) - own
    return {DISTRIBUTIONS.get(name) or name.replace("_", "-") for name in others}


@pytest.mark.parametrize("member", MEMBERS, ids=lambda path: path.parent.name)
def test_a_distribution_requires_what_it_imports_and_nothing_else(member: Path) -> None:
    project = tomllib.loads(member.read_text())["project"]
    required = names(project["dependencies"])
    extras = {
        name
        for wanted in project.get("optional-dependencies", {}).values()
        for name in names(wanted)
    }
    used = imported(member.parent / "src")
    assert used <= required | extras
    assert required <= used
