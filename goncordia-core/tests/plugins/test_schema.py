"""What a store's schema is, printed for people who apply their own."""

from __future__ import annotations

import pytest
from goncordia.cli.app import run
from goncordia.errors import DriverNotFound, InvalidArgument
from goncordia.plugins import print_schema

from .conftest import PLUGIN, Install

SCHEMA = """
@hookimpl
def goncordia_schema(url, form):
    return f"CREATE TABLE {url};" if form == "sql" else None
"""


def test_the_driver_prints_it(install: Install) -> None:
    install("goncordia-x", "x", PLUGIN + SCHEMA)
    assert print_schema("x:jobs", "sql") == "CREATE TABLE x:jobs;"


def test_a_form_that_a_store_has_not_is_refused(install: Install) -> None:
    install("goncordia-x", "x", PLUGIN + SCHEMA)
    for url in ("x:jobs", "memory:"):
        with pytest.raises(InvalidArgument, match="prints no cloudformation"):
            print_schema(url, "cloudformation")
    with pytest.raises(DriverNotFound):
        print_schema("nothing:", "sql")


def test_migrate_prints_it_as_it_is(install: Install, capsys: pytest.CaptureFixture[str]) -> None:
    install("goncordia-x", "x", PLUGIN + SCHEMA)
    assert run(["migrate", "--sql", "--driver", "x:jobs"]) == 0
    assert capsys.readouterr().out == "CREATE TABLE x:jobs;\n"
    with pytest.raises(SystemExit):
        run(["migrate", "--cloudformation", "--driver", "x:jobs"])
    assert "leave --cloudformation out" in capsys.readouterr().err
