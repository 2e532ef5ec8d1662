"""What a statement costs is told by its plan: fresh, with stale statistics, and with none."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from goncordia.ids import uuid7
from goncordia_postgres import questions
from goncordia_postgres import statements as sql
from goncordia_postgres.place import SETTINGS
from goncordia_testservers.postgres import Postgres

WALKS = {"STATS", "KINDS", "PAGE", "QUEUES", "SESSIONS"}
"""What people ask, and may read all of an index or of what runs."""
STATEMENTS = {
    name: text
    for name, text in (vars(sql) | vars(questions)).items()
    if name.isupper() and not name.startswith("_") and isinstance(text, str) and "FROM" in text
} | {
    **{name: getattr(sql, name) for name in ("INSERT", "JOIN", "TAKE_KEY")},
    **{name: getattr(questions, name) for name in ("PAUSE", "SET_NEW")},
}
NOT_STATEMENTS = {"JOB", "CLAIMED"}

FILL = """
INSERT INTO goncordia.job_row (id, kind, args, state, priority, run_at, session, token, expire_at)
SELECT gen_random_uuid(), 'k', '{{}}', {state}, 0, now() + g * interval '1 ms' * {ahead},
    {holder}, {holder}, now() + interval '1 day'
FROM generate_series(1, {n}) AS g"""


def fill(connection: psycopg.Connection, n: int) -> None:
    for state, ahead, holder in ((0, -1, "NULL"), (1, 1000, "NULL"), (4, -1, "NULL")):
        connection.execute(FILL.format(state=state, ahead=ahead, holder=holder, n=n))  # pyright: ignore
    connection.execute(FILL.format(state=3, ahead=-1, holder="gen_random_uuid()", n=n // 50))  # pyright: ignore


@pytest.fixture(scope="module", params=["no statistics", "fresh", "stale"])
def filled(
    request: pytest.FixtureRequest, postgres: Postgres, template: str
) -> Iterator[psycopg.Connection]:
    with (
        postgres.database(template) as url,
        psycopg.connect(url, autocommit=True) as connection,
    ):
        connection.execute("ALTER TABLE goncordia.job_row SET (autovacuum_enabled = off)")
        for name, value in SETTINGS.items():
            connection.execute(f"SET {name} = '{value}'")  # pyright: ignore
        if request.param == "stale":
            fill(connection, 50)
            connection.execute("ANALYZE")
        fill(connection, 3000)
        if request.param == "fresh":
            connection.execute("ANALYZE")
        yield connection


def plan(connection: psycopg.Connection, text: str) -> str:
    numbers = [int(n) for n in re.findall(r"\$(\d+)", text)]
    nulls = ", ".join(["NULL"] * max(numbers, default=0))
    connection.execute(f"PREPARE looked_at AS {text}")  # pyright: ignore
    try:
        told = connection.execute(f"EXPLAIN EXECUTE looked_at{f'({nulls})' if nulls else ''}")  # pyright: ignore
        return "\n".join(row[0] for row in told)
    finally:
        connection.execute("DEALLOCATE looked_at")


@pytest.mark.parametrize("name", sorted(STATEMENTS.keys() - WALKS - NOT_STATEMENTS))
def test_no_statement_scans_the_jobs(filled: psycopg.Connection, name: str) -> None:
    told = plan(filled, STATEMENTS[name])
    assert "Seq Scan on job_row" not in told
    assert "Hash Join" not in told
    assert "Merge Join" not in told


@pytest.mark.parametrize("name", ["CLAIM", "CLAIM_PLENTY", "LOOK", "PRUNE"])
def test_nothing_of_the_backlog_is_sorted(filled: psycopg.Connection, name: str) -> None:
    told = plan(filled, STATEMENTS[name])
    assert not re.search(r"Sort Key: .*(run_at|expire_at)", told)
    assert ("job_row_ended" if name == "PRUNE" else "job_row_waiting") in told


@pytest.mark.parametrize("name", ["COMPLETE", "COMPLETE_WITH", "RECORD", "MARKS", "GET", "KNOWN"])
def test_a_job_is_found_by_its_id(filled: psycopg.Connection, name: str) -> None:
    assert "job_row_pk" in plan(filled, STATEMENTS[name])


def test_the_oldest_is_found_at_the_heads_of_the_index(filled: psycopg.Connection) -> None:
    filled.execute(f"PREPARE stats AS {questions.STATS}")  # pyright: ignore
    told = filled.execute(
        "EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE stats('{default}', NULL)"  # pyright: ignore
    ).fetchone()
    filled.execute("DEALLOCATE stats")
    assert told
    [look] = [
        node
        for node in nodes(told[0][0]["Plan"])
        if node.get("Index Name") == "job_row_waiting"
        and "priority =" in node.get("Index Cond", "")
    ]
    assert "run_at <=" in look["Index Cond"]
    assert look["Actual Loops"] == 32
    assert look["Actual Rows"] <= 1


def nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for each in node.get("Plans", ()):
        yield from nodes(each)


@pytest.mark.parametrize(("name", "others"), [("CLAIM", ", NULL"), ("CLAIM_PLENTY", "")])
def test_a_claim_reads_what_it_takes(filled: psycopg.Connection, name: str, others: str) -> None:
    """Whatever is finished, queued and far ahead."""
    session = uuid7()
    filled.execute(
        "INSERT INTO goncordia.session (id, ttl, joined_at, beat_at, worker) "
        "VALUES (%s, 1, now(), now(), '')",
        (session,),
    )
    filled.execute(f"PREPARE claim AS {STATEMENTS[name]}")  # pyright: ignore
    told = filled.execute(
        f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) EXECUTE claim('{session}', "  # pyright: ignore
        f"'{uuid7()}', '{{default}}', '{{10}}', NULL{others})"
    ).fetchone()
    filled.execute("DEALLOCATE claim")
    assert told
    root = told[0][0]["Plan"]
    assert root["Actual Rows"] == 10 + (name == "CLAIM")
    assert root["Shared Hit Blocks"] + root["Shared Read Blocks"] < 500
