"""A server that refuses for good is told apart from one that is away for now."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from goncordia.errors import StoreUnusable, Unavailable
from goncordia_postgres import PostgresDriver, SyncPostgresDriver
from goncordia_postgres.refusal import refusal
from goncordia_testservers.plugin import installed
from goncordia_testservers.postgres import PostgresServer
from psycopg import sql
from psycopg.conninfo import make_conninfo

from .helpers import job

ROLES = (
    "CREATE ROLE known LOGIN PASSWORD 'right'",
    "CREATE ROLE barred NOLOGIN",
    "CREATE ROLE outsider LOGIN",
    "CREATE ROLE guest LOGIN CONNECTION LIMIT 0",
    "REVOKE CONNECT ON DATABASE template1 FROM PUBLIC",
)
RULES = """
local all postgres trust
host all postgres,barred,outsider,guest,nobody 127.0.0.1/32 trust
host all known 127.0.0.1/32 scram-sha-256
"""


@pytest.fixture(scope="module")
def strict() -> Iterator[PostgresServer]:
    """A server that does not let everybody in."""
    for server in installed(PostgresServer()):
        for role in ROLES:
            server.run(sql.SQL(role))  # pyright: ignore[reportArgumentType] - a constant
        (server.process.folder / "data/pg_hba.conf").write_text(RULES)
        server.stop()
        server.start()
        yield server


REFUSED = {
    "wrong password": ({"user": "known", "password": "secret"}, "password is wrong"),
    "no password": ({"user": "known"}, "wants a password"),
    "no database": ({"user": "postgres", "dbname": "nowhere"}, "no such database"),
    "no role": ({"user": "nobody"}, "no such user"),
    "no login": ({"user": "barred"}, "may not log in"),
    "no rule": ({"user": "stranger"}, "pg_hba.conf"),
    "no privilege": ({"user": "outsider", "dbname": "template1"}, "GRANT CONNECT"),
}


def address(server: PostgresServer, **given: str) -> str:
    words = {"host": "127.0.0.1", "dbname": "postgres"} | given
    return make_conninfo("", port=server.port, **words)


@pytest.fixture
def no_password_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PGPASSWORD", raising=False)
    monkeypatch.setenv("PGPASSFILE", "/nowhere")


@pytest.mark.usefixtures("no_password_file")
@pytest.mark.parametrize("given", REFUSED)
def test_for_good(strict: PostgresServer, given: str) -> None:
    words, remedy = REFUSED[given]
    with (
        SyncPostgresDriver(address(strict, **words)) as driver,
        pytest.raises(StoreUnusable, match=remedy) as told,
    ):
        driver.insert([job()])
    assert "secret" not in str(told.value)


@pytest.mark.anyio
async def test_to_a_listener_too(strict: PostgresServer) -> None:
    there, elsewhere = (address(strict, user="postgres", dbname=n) for n in ("postgres", "nowhere"))
    async with PostgresDriver(there, listen=elsewhere) as driver:
        with pytest.raises(StoreUnusable, match="no such database"):
            async with driver.listen(["default"]):
                pass


def test_for_now_where_the_server_is_full(strict: PostgresServer) -> None:
    with (
        SyncPostgresDriver(address(strict, user="guest")) as driver,
        pytest.raises(Unavailable, match="too many connections"),
    ):
        driver.insert([job()])


def test_for_now_where_another_host_may_come_back(strict: PostgresServer) -> None:
    given = {"user": "postgres", "dbname": "nowhere"}
    one = address(strict, **given | {"host": "127.0.0.1,127.0.0.2"})
    with SyncPostgresDriver(one) as driver, pytest.raises(Unavailable):
        driver.insert([job()])
    both = address(strict, **given | {"host": "127.0.0.1,localhost"})
    with SyncPostgresDriver(both) as driver, pytest.raises(StoreUnusable):
        driver.insert([job()])


@pytest.mark.parametrize(
    "said",
    [
        "FATAL:  the database system is starting up",
        'FATAL:  too many connections for role "x"\nFATAL:  database "y" does not exist',
        'connection to server at "password authentication failed" failed: timeout',
        "FATAL:  Passwort-Authentifizierung für Benutzer »x« fehlgeschlagen",
        "",
    ],
)
def test_what_is_not_known_to_be_for_good_is_for_now(said: str) -> None:
    assert isinstance(refusal(psycopg.OperationalError(said), "here"), Unavailable)
