"""The table of docs/explanation/stores.md is what the drivers declare."""

from __future__ import annotations

from dataclasses import fields
from datetime import timedelta
from pathlib import Path

from goncordia.capabilities import Capabilities
from goncordia.memory.store import STRONG
from goncordia_dynamo import DynamoDriver
from goncordia_postgres.promises import CAPABILITIES as POSTGRESQL
from goncordia_sql.sqlite.promises import CAPABILITIES as SQLITE

PAGE = Path(__file__).parent.parent.parent / "docs/explanation/stores.md"
STORES = {
    "memory": STRONG,
    "SQLite": SQLITE,
    "PostgreSQL": POSTGRESQL,
    "DynamoDB": DynamoDriver("jobs", region="eu-central-1").capabilities,
}


def shown(value: object) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case None:
            return "no promise"
        case timedelta():
            return f"{value.total_seconds():g} s"
        case int():
            return "all" if value > 10**9 else f"{value}"
        case _:
            return str(value)


def table() -> str:
    head = ["", *STORES]
    rows = [
        [f"`{field.name}`", *(shown(getattr(store, field.name)) for store in STORES.values())]
        for field in fields(Capabilities)
    ]
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines).replace("|  |", "| |")


def test_the_page_shows_what_they_declare() -> None:
    assert table() in PAGE.read_text(), f"docs/explanation/stores.md lags behind:\n\n{table()}"


def test_every_word_is_explained() -> None:
    explained = PAGE.read_text().partition("<!-- end -->")[2]
    assert [f for f in fields(Capabilities) if f"`{f.name}`" not in explained] == []
