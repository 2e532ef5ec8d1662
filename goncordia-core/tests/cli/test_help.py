from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import pytest
from goncordia.cli.app import COMMANDS, make, run


def examples(module) -> list[str]:
    """The command lines of the examples, without what a shell makes of them."""
    lines = [line for line in module.EXAMPLES.splitlines() if line.startswith("  ")]
    found = [line[line.index("goncordia") :] for line in lines if "goncordia" in line]
    return [re.split("  | [|<>] ", line)[0] for line in found]


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


def test_it_says_what_its_exit_statuses_mean(capsys) -> None:
    assert run(["--help"]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert (
        "0 done; 1 an error, or some of what was asked for was not done; 2 wrong usage" in printed
    )


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shells_complete_its_commands(shell: str, tmp_path: Path, capsys) -> None:
    script = tmp_path / "completion"
    assert run(["--install-completion", "--shell", shell, "--output", str(script)]) == 0
    assert str(script) in capsys.readouterr().out
    text = script.read_text()
    assert all(module.NAME in text for module in COMMANDS)
    assert ("-l dry-run" if shell == "fish" else "--dry-run") in text


def test_bash_completes_as_it_should(tmp_path: Path) -> None:
    script = tmp_path / "completion"
    run(["--install-completion", "--shell", "bash", "--output", str(script)])
    program = f"""
source {script}
COMP_WORDS=(goncordia re) COMP_CWORD=1 COMP_LINE="goncordia re" COMP_POINT=12
$(complete -p goncordia | sed 's/.*-F \\([^ ]*\\).*/\\1/') goncordia re goncordia
echo "${{COMPREPLY[@]}}"
"""
    done = subprocess.run(["bash", "-c", program], capture_output=True, text=True)
    assert set(done.stdout.split()) == {"resume", "retry"}, done.stderr
