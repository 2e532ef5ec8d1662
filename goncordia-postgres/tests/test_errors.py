"""What goes wrong with a server is told as what it is, and over when it is over."""

from __future__ import annotations

from pathlib import Path

import anyio
import psycopg
import pytest
from goncordia.answers import Insertion
from goncordia.errors import InvalidArgument, StoreUnusable, Unavailable
from goncordia.jobs import NewJob, completed
from goncordia_postgres import PostgresDriver, SyncPostgresDriver
from goncordia_postgres.translate import translate
from goncordia_testservers.postgres import PostgresServer
from psycopg import errors

from .helpers import ids, job, take

TERMINATE = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()"""


@pytest.mark.anyio
async def test_terminated_backends_are_replaced(driver: PostgresDriver, url: str) -> None:
    async with anyio.create_task_group() as tasks:
        for _ in range(4):
            tasks.start_soon(driver.insert, [job()])
    with psycopg.connect(url, autocommit=True) as killer:
        killer.execute(TERMINATE)
    wanted = job()
    with pytest.raises(Unavailable):
        await driver.insert([wanted])
    assert [each.status for each in await driver.insert([wanted])] == [Insertion.CREATED]
    assert len(await ids(driver)) == 5


@pytest.mark.anyio
async def test_a_read_only_server_is_left(driver: PostgresDriver, url: str) -> None:
    await driver.insert([job()])
    with psycopg.connect(url, autocommit=True) as owner:
        name = owner.info.dbname
        owner.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")  # pyright: ignore
        owner.execute(TERMINATE)
        for _ in range(2):
            with pytest.raises(Unavailable):
                await driver.insert([job()])
        owner.execute("SET default_transaction_read_only = off")
        owner.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only")  # pyright: ignore
    await driver.insert([job()])
    assert len(await ids(driver)) == 2


@pytest.mark.anyio
async def test_a_server_that_stops_is_unavailable_until_it_is_back(
    anyio_backend: str, postgres_server: PostgresServer
) -> None:
    async with PostgresDriver(postgres_server.url()) as driver:
        await driver.migrate()
        await driver.insert([job()])
        postgres_server.stop("immediate")
        for _ in range(3):
            with pytest.raises(Unavailable):
                await driver.insert([job()])
            with pytest.raises(Unavailable):
                async with driver.listen(["default"]):
                    pass
        postgres_server.start()
        await driver.insert([job()])
        assert len(await ids(driver)) == 2


@pytest.mark.anyio
async def test_prepared_statements_that_are_gone_are_made_anew(
    driver: PostgresDriver, url: str
) -> None:
    await driver.insert([job()])
    assert len(await ids(driver)) == 1
    assert driver._connections
    dialled = await driver._connections.take()
    dialled.link.pgconn.exec_(b"DEALLOCATE ALL")
    driver._connections.give_back(dialled)
    await driver.insert([job()])
    assert len(await ids(driver)) == 2


def test_nul_in_a_text_is_refused(url: str) -> None:
    with SyncPostgresDriver(url) as driver, pytest.raises(InvalidArgument, match="NUL"):
        driver.insert([NewJob(job().id, "a\x00b", b"")])


def test_a_closed_driver_says_so(url: str) -> None:
    driver = SyncPostgresDriver(url)
    with pytest.raises(Unavailable, match="closed"):
        driver.insert([job()])


def test_nobody_there_is_unavailable(tmp_path: Path) -> None:
    with (
        SyncPostgresDriver(f"postgresql:///db?host={tmp_path}") as driver,
        pytest.raises(Unavailable, match="can't be reached"),
    ):
        driver.insert([job()])


def test_no_message_holds_a_password() -> None:
    driver = SyncPostgresDriver("postgresql://user:secret@127.0.0.1:1/db")
    with driver, pytest.raises(Unavailable) as told:
        driver.insert([job()])
    assert "secret" not in str(told.value)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (errors.AdminShutdown, Unavailable),
        (errors.TooManyConnections, Unavailable),
        (errors.QueryCanceled, Unavailable),
        (errors.DiskFull, Unavailable),
        (errors.DeadlockDetected, Unavailable),
        (errors.InsufficientPrivilege, StoreUnusable),
        (psycopg.OperationalError, Unavailable),
    ],
)
def test_codes_are_translated(error: type[psycopg.Error], kind: type[Exception]) -> None:
    assert isinstance(translate(error("x"), "here"), kind)


def test_the_rest_is_a_bug_and_surfaces() -> None:
    bug = errors.SyntaxError("x")
    assert translate(bug, "here") is bug


REFUSED_AT_COMMIT = """
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'not at commit' USING ERRCODE = '40001'; END $$;
CREATE CONSTRAINT TRIGGER refused AFTER INSERT OR UPDATE ON goncordia.job_row
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse()"""


@pytest.mark.anyio
async def test_what_is_not_committed_is_not_answered(anyio_backend: str, postgres_url: str) -> None:
    """Rows come before the commit: they are told when that is through, also the first time."""
    async with PostgresDriver(postgres_url) as owner_driver:
        await owner_driver.migrate()
        waiting = [job() for _ in range(2)]
        await owner_driver.insert(waiting)
        held = await take(owner_driver)
    async with PostgresDriver(postgres_url) as driver:
        with psycopg.connect(postgres_url, autocommit=True) as owner:
            owner.execute(REFUSED_AT_COMMIT)
        for _ in range(2):  # with statements that are new to the connection, and with known ones
            with pytest.raises(Unavailable):
                await driver.insert([job()])
            with pytest.raises(Unavailable):
                await driver.insert([job() for _ in range(600)])
            with pytest.raises(Unavailable):
                await take(driver)
            with pytest.raises(Unavailable):
                await driver.finish([completed(each) for each in held])
        assert await ids(driver) == {each.id for each in waiting}
