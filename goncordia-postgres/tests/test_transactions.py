"""`tx=`: the caller's own connection and transaction, of psycopg and of asyncpg."""

from __future__ import annotations

from datetime import timedelta

import psycopg
import pytest
from goncordia.answers import Finished, Insertion
from goncordia.clock import utc_now
from goncordia.errors import HandleMismatch, InvalidArgument, TransactionConflict
from goncordia.jobs import AttemptError, UniqueKey, completed, failed
from goncordia.lifecycle import State
from goncordia_postgres import PostgresDriver, SyncPostgresDriver
from goncordia_testservers.postgres import Postgres
from psycopg.types.string import TextLoader

from .helpers import HANDLES, Handle, ids, job, running

pytestmark = pytest.mark.anyio


each_handle = pytest.mark.parametrize(
    ("anyio_backend", "handle"),
    [("trio", "anyio"), *(("asyncio", name) for name in HANDLES)],
    indirect=True,
)


@pytest.fixture
async def handle(request: pytest.FixtureRequest, anyio_backend: str, url: str):
    async with HANDLES[request.param](url) as handle:
        yield handle


@pytest.fixture(params=["one", "some", "many", "rich"])
def jobs(request: pytest.FixtureRequest):
    if request.param == "rich":
        return [job(tags=("a", "b"), meta=b"{}", unique=UniqueKey(b"k" * 32)), job(priority=3)]
    return [job() for _ in range({"one": 1, "some": 3, "many": 600}[request.param])]


@each_handle
async def test_jobs_live_and_die_with_the_transaction(
    driver: PostgresDriver, handle: Handle, jobs
) -> None:
    for ending in ("ROLLBACK", "COMMIT"):
        await handle.run("BEGIN")
        answers = await driver.insert(jobs, tx=handle.tx)
        assert [answer.status for answer in answers] == [Insertion.CREATED] * len(jobs)
        assert not await ids(driver), "not before the commit"
        await handle.run(ending)
    rows = await driver.get([each.id for each in jobs])
    assert all(rows)
    assert [row.tags for row in rows if row] == [each.tags for each in jobs]


@each_handle
async def test_the_callers_rows_commit_with_it(driver: PostgresDriver, handle: Handle) -> None:
    await handle.run("CREATE TABLE IF NOT EXISTS orders (id int)")
    [held] = await running(driver)
    await handle.run("BEGIN")
    await handle.run("INSERT INTO orders VALUES (1)")
    assert await driver.finish([completed(held, b"1")], tx=handle.tx) == [Finished.DONE]
    await handle.run("ROLLBACK")
    [row] = await driver.get([held.id])
    assert row
    assert row.state is State.RUNNING
    await handle.run("BEGIN")
    await handle.run("INSERT INTO orders VALUES (2)")
    assert await driver.finish([completed(held, b"1", [job()])], tx=handle.tx) == [Finished.DONE]
    await handle.run("COMMIT")
    [row] = await driver.get([held.id])
    assert row
    assert (row.state, row.result, len(await ids(driver))) == (State.COMPLETED, b"1", 2)


@each_handle
async def test_a_failure_is_recorded_in_it(driver: PostgresDriver, handle: Handle) -> None:
    [held] = await running(driver)
    await handle.run("BEGIN")
    error = AttemptError(1, utc_now(), "E", "m")
    outcome = failed(held, error, timedelta(seconds=30))
    assert await driver.finish([outcome], tx=handle.tx) == [Finished.DONE]
    assert await driver.finish([outcome]) == [Finished.BUSY], "nobody waits for the caller"
    await handle.run("COMMIT")
    assert await driver.finish([outcome]) == [Finished.DONE]


@each_handle
async def test_no_transaction_is_refused(driver: PostgresDriver, handle: Handle) -> None:
    with pytest.raises(InvalidArgument, match="no transaction open"):
        await driver.insert([job()], tx=handle.tx)
    assert not await ids(driver)


@each_handle
async def test_an_aborted_one_is_refused(driver: PostgresDriver, handle: Handle) -> None:
    await handle.run("BEGIN")
    with pytest.raises(Exception, match="nowhere"):
        await handle.run("SELECT * FROM nowhere")
    with pytest.raises(InvalidArgument, match="abort"):
        await driver.insert([job()], tx=handle.tx)
    await handle.run("ROLLBACK")
    await handle.run("BEGIN")
    await driver.insert([job()], tx=handle.tx)
    await handle.run("COMMIT")
    assert len(await ids(driver)) == 1


@each_handle
async def test_another_database_is_refused(
    driver: PostgresDriver, postgres: Postgres, template: str, handle: Handle
) -> None:
    with postgres.database(template) as elsewhere:
        async with PostgresDriver(elsewhere) as other:
            await handle.run("BEGIN")
            with pytest.raises(HandleMismatch, match="another database"):
                await other.insert([job()], tx=handle.tx)
            await driver.insert([job()], tx=handle.tx)
            await handle.run("COMMIT")
    assert len(await ids(driver)) == 1


@each_handle
async def test_a_conflict_is_the_callers_to_rerun(
    driver: PostgresDriver, handle: Handle, url: str
) -> None:
    key = UniqueKey(b"k" * 32)
    await handle.run("BEGIN ISOLATION LEVEL SERIALIZABLE")
    await handle.run("SELECT 1")
    await driver.insert([job(unique=key)])
    with pytest.raises(TransactionConflict):
        await driver.insert([job(unique=key)], tx=handle.tx)
    await handle.run("ROLLBACK")


async def test_nothing_else_is_a_handle(driver: PostgresDriver) -> None:
    with pytest.raises(HandleMismatch, match="writes through psycopg"):
        await driver.insert([job()], tx=object())  # pyright: ignore[reportArgumentType] - the point


def test_a_synchronous_one(url: str) -> None:
    with SyncPostgresDriver(url) as driver, psycopg.connect(url) as connection:
        wanted, lost = job(), job()
        with pytest.raises(InvalidArgument, match="no transaction open"):
            driver.insert([wanted], tx=connection)
        with connection.transaction():
            driver.insert([lost], tx=connection)
            raise psycopg.Rollback
        with connection.transaction():
            driver.insert([wanted], tx=connection)
            assert driver.get([wanted.id]) == [None]
        assert [row is not None for row in driver.get([wanted.id, lost.id])] == [True, False]


def test_a_synchronous_one_that_will_not_do(url: str, postgres: Postgres, template: str) -> None:
    with SyncPostgresDriver(url) as driver, psycopg.connect(url) as connection:
        with pytest.raises(psycopg.errors.UndefinedTable):
            connection.execute("SELECT * FROM nowhere")
        with pytest.raises(InvalidArgument, match="abort"):
            driver.insert([job()], tx=connection)
        connection.rollback()
        with postgres.database(template) as other, psycopg.connect(other) as elsewhere:
            elsewhere.execute("SELECT 1")
            with pytest.raises(HandleMismatch, match="another database"):
                driver.insert([job()], tx=elsewhere)
            elsewhere.rollback()
        assert driver.stats() == []


async def test_a_synchronous_one_ends_a_job(driver: PostgresDriver, url: str) -> None:
    [held] = await running(driver)
    with SyncPostgresDriver(url) as sync, psycopg.connect(url) as connection:
        for end in (connection.rollback, connection.commit):
            connection.execute("SELECT 1")
            assert sync.finish([completed(held)], tx=connection) == [Finished.DONE]
            assert [row and row.state for row in sync.get([held.id])] == [State.RUNNING]
            end()
        assert [row and row.state for row in sync.get([held.id])] == [State.COMPLETED]


def test_a_callers_adapters_change_nothing(url: str) -> None:
    with SyncPostgresDriver(url) as driver, psycopg.connect(url) as connection:
        connection.adapters.register_loader("uuid", TextLoader)
        connection.row_factory = psycopg.rows.dict_row  # pyright: ignore[reportAttributeAccessIssue] - as callers do
        connection.execute("SET TimeZone = 'Asia/Tokyo'")
        wanted, second = (job(unique=UniqueKey(b"k" * 32)) for _ in range(2))
        assert driver.insert([wanted, second], tx=connection)[1].other == wanted.id
