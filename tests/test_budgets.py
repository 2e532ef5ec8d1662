"""The budgets: a module 400 lines, a function 40, an `__init__.py` re-exports only."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MODULE, FUNCTION = 400, 40
MODULES = sorted(ROOT.glob("*/src/**/*.py"))

Function = ast.FunctionDef | ast.AsyncFunctionDef


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def functions(tree: ast.AST) -> Iterator[Function]:
    return (node for node in ast.walk(tree) if isinstance(node, Function))


def too_long(tree: ast.AST) -> list[str]:
    lines = {f: (f.end_lineno or 0) - f.lineno + 1 for f in functions(tree)}
    return [f"{f.name} has {n} lines" for f, n in lines.items() if n > FUNCTION]


def is_reexport(node: ast.stmt) -> bool:
    match node:
        case ast.Import() | ast.ImportFrom():
            return True
        case ast.Expr(ast.Constant(str())):
            return True
        case ast.Assign([ast.Name("__all__")], _):
            return True
        case _:
            return False


def test_every_distribution_is_counted() -> None:
    counted = {path.relative_to(ROOT).parts[0] for path in MODULES}
    assert counted == {path.parent.name for path in ROOT.glob("*/pyproject.toml")}


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_a_module_holds_one_idea(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= MODULE, f"more than {MODULE} lines: it holds two ideas"
    assert not too_long(ast.parse(text)), f"more than {FUNCTION} lines"


@pytest.mark.parametrize("path", [p for p in MODULES if p.name == "__init__.py"], ids=name)
def test_an_init_only_reexports(path: Path) -> None:
    tree = ast.parse(path.read_text())
    others = [ast.unparse(node) for node in tree.body if not is_reexport(node)]
    assert not others


def test_the_counters_count() -> None:
    body = "    x = 1\n" * FUNCTION
    assert too_long(ast.parse(f"async def f():\n{body}")) == [f"f has {FUNCTION + 1} lines"]
    assert not too_long(ast.parse(f"def f():\n{body.removeprefix('    x = 1' + chr(10))}"))
    assert not is_reexport(ast.parse("x = 1").body[0])
