"""Addresses."""

from __future__ import annotations

from typing import Any

import pytest
from goncordia import open_driver, open_sync_driver
from goncordia.errors import InvalidArgument
from goncordia.plugins import print_schema
from goncordia_postgres import PostgresDriver, SyncPostgresDriver
from goncordia_postgres.migrate import script
from goncordia_postgres.plugin import parse
from psycopg_pool import AsyncConnectionPool, ConnectionPool


@pytest.mark.parametrize("scheme", ["postgres", "postgresql"])
def test_both_schemes_open_both_drivers(scheme: str) -> None:
    assert isinstance(open_driver(f"{scheme}://host/db"), PostgresDriver)
    assert isinstance(open_sync_driver(f"{scheme}://host/db"), SyncPostgresDriver)


def test_our_words_are_taken_out_and_theirs_stay() -> None:
    url = "postgres://u:p%40@h1,h2:5433/db?schema=s&connections=3&listen=off&sslmode=require"
    assert parse(url) == (
        "postgresql://u:p%40@h1,h2:5433/db?sslmode=require",
        {"schema": "s", "connections": 3, "listen": None},
    )
    assert parse("postgresql:///db?listen=on&prepare=off&notify=on") == (
        "postgresql:///db",
        {"listen": "", "prepare": False, "notify": True},
    )
    assert parse("sqlite:///jobs.db") is None


@pytest.mark.parametrize(
    "query", ["connections=0", "connections=x", "prepare=no", "schema=A", "x=1"]
)
def test_a_wrong_word_is_refused(query: str) -> None:
    with pytest.raises(InvalidArgument):
        open_driver(f"postgresql://host/db?{query}")


def test_without_a_listener_it_says_that_it_polls() -> None:
    assert open_driver("postgresql://host/db").capabilities.wake == "push"
    for word in ("listen=off", "notify=off"):
        assert open_driver(f"postgresql://host/db?{word}").capabilities.wake == "poll"


def test_the_schema_is_told_as_sql() -> None:
    assert print_schema("postgresql://host/db?schema=jobs", "sql") == script("jobs")
    assert '"jobs".job_row' in script("jobs")
    assert "goncordia." not in script("jobs")


def test_a_pool_says_where_the_database_is() -> None:
    for kind in (AsyncConnectionPool, ConnectionPool):
        pool = kind("host=h dbname=d", kwargs={"user": "u", "autocommit": True}, open=False)
        told = PostgresDriver(pool)._place.conninfo
        assert {"host=h", "dbname=d", "user=u"} <= set(told.split())
    with pytest.raises(InvalidArgument, match="psycopg pool"):
        PostgresDriver(42)  # pyright: ignore[reportArgumentType] - the point


@pytest.mark.parametrize("computed", [{"conninfo": lambda: "host=h"}, {"kwargs": dict}])
def test_a_pool_that_computes_its_address_is_refused(computed: Any) -> None:
    for kind, driver in (
        (AsyncConnectionPool, PostgresDriver),
        (ConnectionPool, SyncPostgresDriver),
    ):
        with pytest.raises(InvalidArgument, match="passfile="):
            driver(kind(**computed, open=False))
