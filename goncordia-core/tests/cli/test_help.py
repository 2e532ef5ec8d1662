from __future__ import annotations

import shlex

import pytest
from goncordia.cli import check, migrate, schedules, stats, worker
from goncordia.cli.app import make, run
from goncordia.cli.demo import command as demo

COMMANDS = [check, demo, migrate, schedules, stats, worker]


def examples(module) -> list[str]:
    """The command lines of the examples, without what a shell makes of them."""
    lines = [line for line in module.EXAMPLES.splitlines() if line.startswith("  ")]
    found = [line[line.index("goncordia") :] for line in lines if "goncordia" in line]
    return [line.split("  ")[0].split(" | ")[0] for line in found]


def test_the_roof_names_all_commands(capsys) -> None:
    assert run(["--help"]) == 0
    printed = capsys.readouterr().out
    assert all(f"│ {module.NAME} " in printed for module in COMMANDS)


@pytest.mark.parametrize("module", COMMANDS, ids=lambda module: module.NAME)
def test_each_help_has_examples(module, capsys) -> None:
    assert run([module.NAME, "--help"]) == 0
    printed = capsys.readouterr().out
    assert "Examples:" in printed
    assert examples(module)
    assert all(example in printed for example in examples(module))


@pytest.mark.parametrize(
    "example", [example for module in COMMANDS for example in examples(module)]
)
def test_each_example_is_understood(example: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GONCORDIA_DRIVER", "memory:")
    app = make()
    app.parse_args(shlex.split(example)[1:], exit_on_error=False, print_error=False)


def test_it_tells_its_version(capsys) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out.strip().startswith("0.")
