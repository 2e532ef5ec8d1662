"""Drivers are found by scheme, late and alone."""

from __future__ import annotations

import sys
import traceback
from pathlib import Path

import pytest
from goncordia import memory
from goncordia.errors import (
    DriverNotFound,
    HandleMismatch,
    InvalidArgument,
    TransactionsUnsupported,
)
from goncordia.plugins import KNOWN, open_driver, open_sync_driver, redact
from hypothesis import given
from hypothesis import strategies as st

from .conftest import PLUGIN, Install

SECRET = "postgresql://ada:s3cret@db.example.com:5432/shop?sslpassword=t0ken"


@pytest.mark.anyio
async def test_a_driver_is_opened_by_the_scheme_of_its_url(install: Install) -> None:
    install("goncordia-mydb", "mydb", PLUGIN)
    async with open_driver("mydb://host/shop") as driver:
        assert await driver.stats() == []
    assert sys.modules["goncordia_mydb"].opened == ["mydb://host/shop"]


def test_a_synchronous_driver_too(install: Install) -> None:
    install("goncordia-mydb", "mydb", PLUGIN)
    with open_sync_driver("mydb://host/shop") as driver:
        assert driver.stats() == []


def test_schemes_have_no_case(install: Install) -> None:
    install("goncordia-mydb", "mydb", PLUGIN)
    assert open_driver("MyDB://host/shop").name == "memory"


def test_memory_comes_with_core() -> None:
    assert open_driver("memory:").name == "memory"
    assert open_sync_driver("memory:").name == "memory"


def test_only_the_plugin_that_is_asked_for_is_imported(install: Install) -> None:
    install("goncordia-mydb", "mydb", PLUGIN)
    install("goncordia-otherdb", "otherdb", PLUGIN)
    open_driver("mydb://host/shop")
    assert "goncordia_otherdb" not in sys.modules


@pytest.mark.parametrize(
    "neighbour",
    [
        {"code": "raise ImportError('no libfoo.so')"},
        {"code": "1 +"},
        {"code": None},
        {"code": PLUGIN, "entry_points": "[goncordia.drivers]\nno equals sign\n"},
        {"code": PLUGIN, "entry_points": "[goncordia.drivers]\nother = : : :\n"},
    ],
)
def test_a_broken_neighbour_hurts_nobody(
    install: Install, neighbour: dict[str, str | None]
) -> None:
    install("goncordia-broken", "other", **neighbour)
    install("goncordia-mydb", "mydb", PLUGIN)
    assert open_driver("mydb://host/shop").name == "memory"


def test_a_neighbour_without_metadata_hurts_nobody(install: Install, site: Path) -> None:
    install("goncordia-broken", "other", PLUGIN)
    (site / "goncordia_broken-1.0.dist-info" / "METADATA").unlink()
    install("goncordia-mydb", "mydb", PLUGIN)
    assert open_driver("mydb://host/shop").name == "memory"
    with pytest.raises(DriverNotFound, match="nosuchdb"):
        open_driver("nosuchdb://host/shop")


def test_an_unreadable_neighbour_is_named_when_nothing_was_found(install: Install) -> None:
    install("goncordia-broken", "x", None, entry_points="[goncordia.drivers]\nno equals sign\n")
    with pytest.raises(DriverNotFound, match="unreadable: goncordia-broken"):
        open_driver("nosuchdb://host/shop")


def test_a_missing_driver_is_named_with_what_there_is_and_the_remedy(install: Install) -> None:
    install("goncordia-mydb", "mydb", PLUGIN)
    with pytest.raises(DriverNotFound) as caught:
        open_driver("cassandra://host/shop")
    for part in ("'cassandra'", "mydb (goncordia-mydb)", "pip install goncordia-cassandra"):
        assert part in str(caught.value)


def test_an_unknown_scheme_is_answered_with_the_known_ones() -> None:
    with pytest.raises(DriverNotFound) as caught:
        open_driver("nosuchdb://host/shop")
    assert "'nosuchdb'" in str(caught.value)
    assert all(scheme in str(caught.value) for scheme in KNOWN)


@pytest.mark.parametrize(
    ("code", "cause"),
    [
        ("raise ImportError('no libfoo.so')", "ImportError: no libfoo.so"),
        (None, "No module named 'goncordia_mydb'"),
        (PLUGIN.replace("(url)", "(address)"), "address"),
        (PLUGIN.replace("MemoryDriver()", "nothing"), "NameError"),
    ],
)
def test_a_broken_driver_is_named_with_its_cause_and_the_remedy(
    install: Install, code: str | None, cause: str
) -> None:
    install("goncordia-mydb", "mydb", code)
    with pytest.raises(DriverNotFound) as caught:
        open_driver("mydb://ada:s3cret@host/shop")
    message = str(caught.value)
    for part in (
        "goncordia-mydb (entry point mydb = goncordia_mydb)",
        cause,
        "pip install --force-reinstall goncordia-mydb",
    ):
        assert part in message
    assert "s3cret" not in message


def test_a_plugin_that_does_not_answer_is_named(install: Install) -> None:
    install("goncordia-mydb", "mydb", PLUGIN.split("@hookimpl\ndef goncordia_open_sync")[0])
    with pytest.raises(DriverNotFound, match="goncordia-mydb.* did not answer goncordia_open_sync"):
        open_sync_driver("mydb://host/shop")


def test_what_a_driver_refuses_reaches_the_caller_as_it_is(install: Install) -> None:
    refusal = "raise InvalidArgument('no such database')"
    code = "from goncordia.errors import InvalidArgument\n" + PLUGIN
    install("goncordia-mydb", "mydb", code.replace("return MemoryDriver()", refusal))
    with pytest.raises(InvalidArgument, match=r"^no such database$"):
        open_driver("mydb://host/shop")


def test_the_kind_of_transaction_is_checked_when_opened(install: Install) -> None:
    install("goncordia-mydb", "mydb", PLUGIN)
    assert open_driver("mydb:", tx=memory.Tx).name == "memory"
    assert open_sync_driver("mydb:", tx=memory.Tx).name == "memory"
    with pytest.raises(HandleMismatch, match=r"bytes; memory writes through .*Tx"):
        open_driver("mydb:", tx=bytes)
    with pytest.raises(HandleMismatch):
        open_sync_driver("mydb:", tx=bytes)


def test_a_store_without_transactions_takes_none(install: Install) -> None:
    weak = PLUGIN.replace("MemoryDriver()", "MemoryDriver(capabilities=Capabilities())", 1)
    code = "from goncordia.capabilities import Capabilities\n" + weak
    install("goncordia-mydb", "mydb", code)
    with pytest.raises(TransactionsUnsupported, match="takes part in no transaction"):
        open_driver("mydb:", tx=memory.Tx)


@pytest.mark.parametrize("url", ["", "jobs.db", "://x", "/tmp/jobs.db", "ada:s3cret@host"])
def test_a_url_needs_a_scheme(url: str) -> None:
    with pytest.raises((InvalidArgument, DriverNotFound)) as caught:
        open_driver(url)
    assert "s3cret" not in str(caught.value)


def test_credentials_stay_out_of_the_traceback(install: Install) -> None:
    code = PLUGIN.replace("return MemoryDriver()", "raise RuntimeError(f'bad url {url}')")
    install("goncordia-postgres", "postgresql", code)
    with pytest.raises(DriverNotFound) as caught:
        open_driver(SECRET)
    shown = "".join(traceback.format_exception(caught.value))
    assert "db.example.com" in shown
    assert "s3cret" not in shown
    assert "t0ken" not in shown


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("sqlite:///jobs.db", "sqlite:///jobs.db"),
        ("memory:", "memory:"),
        ("pg://db:5432/shop", "pg://db:5432/shop"),
        ("pg://ada:s3cret@db:5432/shop", "pg://***@db:5432/shop"),
        ("pg://db/shop?password=s3cret", "pg://db/shop?***"),
        ("pg://db/shop?password=s3@cret", "pg://***"),
        ("s3cret@db", "***"),
    ],
)
def test_a_redacted_url_still_says_where(url: str, shown: str) -> None:
    assert redact(url) == shown


awkward = st.text(st.characters(codec="utf-8", exclude_characters="*:/?#@"), min_size=1)


@given(st.lists(awkward, min_size=2), st.text(":/?#@", min_size=1), st.booleans())
def test_no_part_of_a_password_is_shown(parts: list[str], between: str, in_query: bool) -> None:
    """Whatever stands unquoted in it."""
    password = between.join(f"s3cret{part}" for part in parts)
    url = f"pg://db/shop?password={password}" if in_query else f"pg://ada:{password}@db/shop"
    assert "s3cret" not in redact(url)
