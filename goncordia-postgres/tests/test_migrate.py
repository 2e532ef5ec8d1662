"""The schema: made once, under any name, by hand or by a tool; and who may use it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import psycopg
import pytest
from goncordia.actions import Acted, Cancel
from goncordia.answers import Insertion, QueueChange
from goncordia.errors import InvalidArgument, SchemaMismatch, StoreUnusable
from goncordia.ids import uuid7
from goncordia.jobs import UniqueKey, completed
from goncordia.sessions import Claim, WorkerInfo
from goncordia_postgres import PostgresDriver, SyncPostgresDriver, dial, grants
from goncordia_postgres.migrate import newest, script, statements
from psycopg.conninfo import make_conninfo

from .helpers import job

COLUMNS = """
SELECT table_name, column_name, data_type, is_nullable, column_default
FROM information_schema.columns WHERE table_schema = %s ORDER BY 1, 2"""
INDEXES = "SELECT replace(indexdef, %s, '') FROM pg_indexes WHERE schemaname = %s ORDER BY 1"


def shape(url: str, schema: str) -> Sequence[object]:
    with psycopg.connect(url) as connection:
        columns = connection.execute(COLUMNS, (schema,)).fetchall()
        return columns + connection.execute(INDEXES, (f"{schema}.", schema)).fetchall()


def migrated(url: str, schema: str) -> int:
    with SyncPostgresDriver(url, schema=schema) as driver:
        return len(driver.migrate())


def test_by_many_at_once_it_is_applied_once(postgres_url: str) -> None:
    with ThreadPoolExecutor(4) as threads:
        applied = list(threads.map(migrated, [postgres_url] * 4, ["jobs"] * 4))
    assert sorted(applied) == [0, 0, 0, newest()]


def test_whoever_migrates_now_is_waited_for(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though the driver waits for no other lock as long."""
    settings = dial._SET.replace("'3s'", "'1ms'")
    assert settings != dial._SET
    monkeypatch.setattr(dial, "_SET", settings)
    waits = "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    with ThreadPoolExecutor(1) as threads, psycopg.connect(postgres_url) as first:
        first.execute("SELECT pg_advisory_xact_lock(hashtextextended('goncordia migrations', 0))")
        second = threads.submit(migrated, postgres_url, "goncordia")
        with psycopg.connect(postgres_url, autocommit=True) as looker:
            while not looker.execute(waits).fetchall():
                assert not second.done()
        first.commit()
        assert second.result() == newest()


def test_by_hand_or_by_a_tool_it_is_the_same(postgres_url: str) -> None:
    migrated(postgres_url, "one")
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(script("two"))  # pyright: ignore
        for version in range(1, newest() + 1):
            for text in statements(version, "three"):
                connection.execute(text)  # pyright: ignore
    assert shape(postgres_url, "one")
    assert shape(postgres_url, "two") == shape(postgres_url, "one")
    assert shape(postgres_url, "three") == shape(postgres_url, "one")
    for schema in ("two", "three"):
        assert migrated(postgres_url, schema) == 0
        with SyncPostgresDriver(postgres_url, schema=schema) as driver:
            assert driver.insert([job()])[0].status is Insertion.CREATED


def test_no_tool_takes_a_part_of_a_statement_for_a_parameter() -> None:
    """`%` is one to drivers of Python's, and `:name` to SQLAlchemy."""
    for version in range(1, newest() + 1):
        for text in statements(version):
            assert not re.search(r"%|(?<![:\w]):\w", text)
            assert ";" not in re.sub(r"--.*", "", text)


def test_schemas_are_apart(postgres_url: str) -> None:
    for schema in ("one", "two"):
        migrated(postgres_url, schema)
    with SyncPostgresDriver(postgres_url, schema="one") as one:
        one.insert([job()])
    with SyncPostgresDriver(postgres_url, schema="two") as two:
        assert two.stats() == []


def test_a_name_that_is_none_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="schema="):
        PostgresDriver("postgresql://", schema='x"; DROP')
    with pytest.raises(InvalidArgument, match="version="):
        statements(0)


def test_without_a_schema_the_remedy_is_named(postgres_url: str) -> None:
    with (
        SyncPostgresDriver(postgres_url) as driver,
        pytest.raises(SchemaMismatch, match="goncordia migrate"),
    ):
        driver.insert([job()])


def test_a_schema_that_this_driver_is_too_old_for_is_refused(postgres_url: str) -> None:
    migrated(postgres_url, "goncordia")
    note = "INSERT INTO goncordia.schema_version (version, name, oldest) VALUES (%s, 'x', %s)"
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(note, (newest() + 1, newest()))
        with SyncPostgresDriver(postgres_url) as driver:
            driver.insert([job()])  # newer, and it can be lived with
        connection.execute(note, (newest() + 2, newest() + 2))
    with SyncPostgresDriver(postgres_url) as driver, pytest.raises(SchemaMismatch, match="upgrade"):
        driver.insert([job()])


@pytest.fixture
def as_role(url: str) -> Iterator[Callable[[str], str]]:
    """The address of a role that may do what that kind does."""
    name = f"goncordia_{uuid7().hex}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {name} LOGIN")  # pyright: ignore

        def granted(kind: str) -> str:
            for text in grants(kind, name):  # pyright: ignore[reportArgumentType]
                connection.execute(text)  # pyright: ignore
            return make_conninfo(url, user=name)

        yield granted
        connection.execute(f"DROP OWNED BY {name}")  # pyright: ignore
        connection.execute(f"DROP ROLE {name}")  # pyright: ignore


def test_a_producer_may_insert_and_no_more(as_role: Callable[[str], str]) -> None:
    address = as_role("producer")
    wanted = job(unique=UniqueKey(b"k" * 32))
    with SyncPostgresDriver(address) as driver:
        jobs = [job(), wanted, job(tags=("t",), meta=b"{}")]
        assert {answer.status for answer in driver.insert(jobs)} == {Insertion.CREATED}
        assert driver.insert([job()])[0].status is Insertion.CREATED
        assert len(driver.insert([job() for _ in range(600)])) == 600
        assert driver.insert([job(unique=UniqueKey(b"k" * 32))])[0].other == wanted.id
        with psycopg.connect(address) as connection, connection.transaction():
            driver.insert([job()], tx=connection)
        with pytest.raises(StoreUnusable, match="privilege"):
            driver.get([wanted.id])
        with pytest.raises(StoreUnusable, match="privilege"):
            driver.act([wanted.id], Cancel())


@pytest.mark.anyio
async def test_a_worker_may_work(url: str, as_role: Callable[[str], str]) -> None:
    async with PostgresDriver(url) as owner:
        await owner.insert([job(unique=UniqueKey(b"k" * 32)), job()])
    async with PostgresDriver(as_role("worker")) as driver:
        session = await driver.join(WorkerInfo("w"), timedelta(seconds=60))
        claims = await driver.claim(Claim(uuid7(), session.id, {"default": 2}))
        await driver.finish([completed(taken) for taken in claims.jobs])
        assert (await driver.beat(session.id, [])).alive
        await driver.compare_and_set("leader", None, b"w", ttl=timedelta(seconds=1))
        await driver.leave(session.id)
        await driver.rescue(10)
        await driver.prune(10)
        async with driver.listen(["default"]):
            pass
        with pytest.raises(StoreUnusable, match="privilege"):
            await driver.queues(QueueChange("default", paused=True))


def test_an_operator_may_act(url: str, as_role: Callable[[str], str]) -> None:
    wanted = job()
    with SyncPostgresDriver(url) as owner:
        owner.insert([wanted, job(unique=UniqueKey(b"k" * 32))])
    with SyncPostgresDriver(as_role("operator")) as driver:
        assert driver.act([wanted.id], Cancel()) == [Acted.CHANGED]
        driver.queues(QueueChange("default", paused=True))
        assert driver.stats()
        assert driver.sessions() == []
        with pytest.raises(StoreUnusable, match="privilege"):
            driver.insert([job()])
