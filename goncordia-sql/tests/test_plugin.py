"""URLs, and the driver found by its scheme."""

from __future__ import annotations

import os
import sqlite3
from importlib.metadata import entry_points
from pathlib import Path

import pytest
from goncordia.driver import Driver, SyncDriver
from goncordia.errors import InvalidArgument
from goncordia_sql.sqlite import SqliteDriver, SyncSqliteDriver, plugin
from goncordia_sql.sqlite.plugin import Address, goncordia_open, goncordia_open_sync, parse


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("sqlite:///jobs.db", Address("jobs.db")),
        ("sqlite:///a/b.db", Address("a/b.db")),
        ("sqlite:////var/lib/jobs.db", Address("/var/lib/jobs.db")),
        ("sqlite:///with%20space.db", Address("with space.db")),
        ("sqlite:///jobs.db?synchronous=normal", Address("jobs.db", "normal")),
        ("sqlite:///jobs.db?busy_timeout=1.5", Address("jobs.db", busy_timeout=1.5)),
        ("memory://", None),
    ],
)
def test_what_a_url_names(url: str, address: Address | None) -> None:
    assert parse(url) == address


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("sqlite://", "memory://"),
        ("sqlite:///", "memory://"),
        ("sqlite:///:memory:", "memory://"),
        ("sqlite://jobs.db", "use sqlite:///relative.db"),
        ("sqlite:///jobs.db?sync=normal", "no option 'sync'"),
        ("sqlite:///jobs.db?synchronous=off", "NORMAL, FULL, EXTRA"),
        ("sqlite:///jobs.db?busy_timeout=long", "no number of seconds"),
        ("sqlite:///jobs.db?busy_timeout=-1", "use seconds"),
    ],
)
def test_a_url_that_names_nothing_is_refused(url: str, message: str) -> None:
    for open_ in (goncordia_open, goncordia_open_sync):
        with pytest.raises(InvalidArgument, match=message):
            open_(url)


def test_the_drivers_are_drivers(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/jobs.db?synchronous=normal"
    driver: Driver[sqlite3.Connection] = SqliteDriver("jobs.db")
    sync: SyncDriver[sqlite3.Connection] = SyncSqliteDriver("jobs.db")
    assert isinstance(goncordia_open(url), type(driver))
    assert isinstance(goncordia_open_sync(url), type(sync))
    assert not os.listdir(tmp_path), "nothing is opened yet"


def test_the_entry_point_is_the_plugin() -> None:
    (found,) = entry_points(group="goncordia.drivers", name="sqlite")
    assert found.load() is plugin
