from __future__ import annotations

import subprocess
import sys
from urllib.parse import quote

import pytest
from goncordia.cli import loops, worker
from goncordia.cli.app import run
from goncordia.cli.faults import reported, scrub
from goncordia.errors import InvalidArgument, Unavailable
from hypothesis import given
from hypothesis import strategies as st

SECRET = "correct-horse"


def status(arguments: list[str]) -> int:
    try:
        return run(arguments)
    except SystemExit as end:
        return int(end.code or 0)


@pytest.mark.parametrize(
    ("arguments", "expected", "remedy"),
    [
        (["stats", "--driver", f"nosql://me:{SECRET}@host/db"], 1, "install its driver"),
        (["stats", "--driver", f"redis://me:{SECRET}@host/db"], 1, "pip install goncordia-redis"),
        (["migrate", "--driver", f"memory://me:{SECRET}@host"], 2, "use 'memory:'"),
        (["migrate", "--driver", "jobs.db"], 2, "write it like sqlite:///jobs.db"),
        (["stats"], 2, "--driver"),
        (["stats", f"redis://me:{SECRET}@host/db", "--driver", "memory:"], 2, "redis://***@host"),
        (["stats", "--driver", "memory:", "--queue", "no blanks"], 2, "letters, digits"),
        (["demo", "--svg", "/nowhere/demo.svg"], 2, "name a file in a directory that is there"),
        (["demo", "--svg", "/"], 2, "name a file in a directory that is there"),
        (["wrker"], 2, 'Did you mean "worker"'),
        (["worker", "x:y", "--driver", "memory:", "--loop", "curio"], 2, "trio"),
        (["worker", "x:y", "--driver", "memory:", "--concurrency", "many"], 2, "--concurrency"),
    ],
)
def test_an_error_is_a_line_with_the_remedy(
    arguments: list[str], expected: int, remedy: str, capsys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GONCORDIA_DRIVER", raising=False)
    assert status(arguments) == expected
    out, err = capsys.readouterr()
    assert not out
    assert err.startswith("goncordia: ")
    assert err.count("\n") == 1
    assert remedy in err
    assert SECRET not in err


def test_debug_shows_where_it_came_from_and_no_password(capsys) -> None:
    assert status(["stats", "--driver", f"memory://me:{SECRET}@host", "--debug"]) == 2
    err = capsys.readouterr().err
    assert "Traceback" in err
    assert "InvalidArgument" in err
    assert SECRET not in err


def test_the_driver_may_come_from_the_environment(capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GONCORDIA_DRIVER", "memory:")
    assert status(["migrate"]) == 0
    assert "up to date" in capsys.readouterr().out


@pytest.mark.parametrize("loop", ["trio", "uvloop"])
def test_a_loop_that_is_not_installed_is_named(loop: str, monkeypatch, capsys) -> None:
    monkeypatch.setattr(loops, "find_spec", {}.get)
    monkeypatch.setattr(worker, "load_registry", str)
    assert status(["worker", "x:y", "--driver", "memory:", "--loop", loop]) == 2
    assert f"pip install {loop}" in capsys.readouterr().err


def test_an_error_out_of_a_nursery_is_the_same_line(capsys) -> None:
    with pytest.raises(SystemExit) as end, reported(debug=False):
        raise ExceptionGroup("nursery", [ExceptionGroup("inner", [Unavailable("no\n  answer")])])
    assert end.value.code == 1
    assert capsys.readouterr().err == "goncordia: no answer\n"


def test_a_bug_is_no_line() -> None:
    with pytest.raises(ZeroDivisionError), reported(debug=False):
        _ = 1 // 0


def test_a_refused_value_is_wrong_usage(capsys) -> None:
    with pytest.raises(SystemExit) as end, reported(debug=False):
        raise InvalidArgument("concurrency=0")
    assert end.value.code == 2


@given(
    password=st.text(min_size=6).filter(lambda text: text not in "goncordia: can't open"),
    place=st.sampled_from(["db", "db?ssl=on", ""]),
)
def test_no_password_comes_through(password: str, place: str) -> None:
    url = f"postgres://me:{password}@host/{place}"
    assert password not in scrub(f"can't open {url}, tried twice: {url!s}", [url])
    escaped = f"postgres://me:{quote(password, safe='')}@host/{place}"
    assert quote(password, safe="") not in scrub(f"can't open {escaped!r}")


WITHOUT = """
import sys
sys.modules[{missing!r}] = None
from goncordia.cli.main import main
sys.argv = ["goncordia", "stats"]
main()
"""


@pytest.mark.parametrize("missing", ["cyclopts", "rich"])
def test_without_its_extra_it_says_what_to_install(missing: str) -> None:
    program = WITHOUT.format(missing=missing)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 1
    assert "pip install 'goncordia-core[cli]'" in done.stderr
    assert done.stderr.count("\n") == 1


def test_the_demo_says_which_driver_it_needs() -> None:
    program = """
import sys
import goncordia.plugins
goncordia.plugins.distributions = lambda: []
from goncordia.cli.main import main
sys.argv = ["goncordia", "demo"]
main()
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 1
    assert "pip install goncordia-sql" in done.stderr
    assert "Traceback" not in done.stderr
