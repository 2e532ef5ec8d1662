"""PostgreSQL and pgbouncer: what tests build on."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest
from goncordia_testservers.pgbouncer import PgBouncer
from goncordia_testservers.postgres import Postgres, PostgresServer
from psycopg import sql

pytestmark = pytest.mark.one_python("lowest")


def test_each_test_has_a_database_of_its_own(postgres: Postgres) -> None:
    with postgres.database() as one, postgres.database() as other:
        with psycopg.connect(one) as connection:
            connection.execute("CREATE TABLE t (n int)")
        with psycopg.connect(other) as connection:
            assert connection.execute("SELECT to_regclass('t')").fetchone() == (None,)
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        psycopg.connect(one)


def test_a_template_is_copied(postgres: Postgres) -> None:
    template = postgres.create()
    try:
        with psycopg.connect(postgres.url(template)) as connection:
            connection.execute("CREATE TABLE t (n int)")
        with postgres.database(template) as url, psycopg.connect(url) as connection:
            assert connection.execute("SELECT to_regclass('t')::text").fetchone() == ("t",)
    finally:
        postgres.drop(template)


def test_what_was_committed_outlives_an_immediate_stop(postgres_server: PostgresServer) -> None:
    with psycopg.connect(postgres_server.url()) as connection:
        connection.execute("CREATE TABLE t AS SELECT 1 AS n")
    postgres_server.stop("immediate")
    assert not postgres_server.ready()
    postgres_server.start(max_connections="30")
    with psycopg.connect(postgres_server.url()) as connection:
        assert connection.execute("SELECT n FROM t").fetchone() == (1,)
        assert connection.execute("SHOW max_connections").fetchone() == ("30",)
    with psycopg.connect(postgres_server.tcp_url) as connection:
        assert connection.execute("SHOW synchronous_commit").fetchone() == ("on",)


def test_a_standby_takes_the_place_of_its_primary(postgres_server: PostgresServer) -> None:
    with PostgresServer(follows=postgres_server) as standby:
        postgres_server.await_standby()
        postgres_server.run(sql.SQL("CREATE TABLE t AS SELECT 1 AS n"))
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            standby.run(sql.SQL("CREATE TABLE u (n int)"))
        postgres_server.stop("immediate")
        standby.promote()
        standby.run(sql.SQL("INSERT INTO t VALUES (2)"))
        with psycopg.connect(standby.url()) as connection:
            assert connection.execute("SELECT n FROM t").fetchall() == [(1,), (2,)]


OWNER = """
import time
from goncordia_testservers.postgres import PostgresServer
with PostgresServer() as server:
    print(server.process.folder, server.process.pid, flush=True)
    time.sleep(600)
"""


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_it_is_gone_when_its_owner_is_killed(how: signal.Signals) -> None:
    owner = subprocess.Popen([sys.executable, "-c", OWNER], stdout=subprocess.PIPE, text=True)
    assert owner.stdout is not None
    folder, pid = owner.stdout.readline().split()
    assert Path(folder).is_dir()
    owner.send_signal(how)
    owner.wait()
    owner.stdout.close()
    until = time.monotonic() + 60
    while Path(folder).exists() and time.monotonic() < until:
        time.sleep(0.02)
    assert not Path(folder).exists()
    assert not Path(f"/proc/{pid}").exists()


def test_pgbouncer_pools_by_transaction(postgres: Postgres, pgbouncer: PgBouncer) -> None:
    name = postgres.create()
    try:
        with (
            psycopg.connect(pgbouncer.url(name), autocommit=True) as one,
            psycopg.connect(pgbouncer.url(name), autocommit=True) as other,
        ):
            pids = {
                connection.execute("SELECT pg_backend_pid()").fetchone()
                for connection in (one, other)
            }
            assert len(pids) == 1  # two clients, one after the other on the same connection
    finally:
        postgres.drop(name)


def test_another_server_is_used_when_the_environment_names_one(
    postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    from goncordia_testservers.postgres import ELSEWHERE, shared

    monkeypatch.setenv(ELSEWHERE, postgres.url("postgres"))
    with shared() as found:
        assert not isinstance(found, PostgresServer)
        found.run(sql.SQL("SELECT 1"))
        assert found.url("x") == postgres.url("x")


def test_another_version_runs_from_the_wheel_and_from_a_folder() -> None:
    with PostgresServer(version=16) as server, psycopg.connect(server.url()) as connection:
        assert connection.info.server_version // 10000 == 16
        programs = server.process.folder
        row = connection.execute("SELECT setting FROM pg_config WHERE name = 'BINDIR'").fetchone()
    assert row is not None
    assert not programs.exists()
    with PostgresServer(programs=Path(row[0])) as server:
        assert server.ready()


def test_the_environment_may_name_the_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    from goncordia_testservers.postgres import ELSEWHERE, shared

    with PostgresServer(version=16) as server, psycopg.connect(server.url()) as connection:
        row = connection.execute("SELECT setting FROM pg_config WHERE name = 'BINDIR'").fetchone()
        assert row is not None
        monkeypatch.setenv(ELSEWHERE, row[0])
        for other in (shared(), PostgresServer()):
            with other as found, psycopg.connect(found.url()) as connected:
                assert isinstance(found, PostgresServer)
                assert connected.info.server_version // 10000 == 16


def test_a_missing_server_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    from goncordia_testservers import NotInstalled, postgres

    monkeypatch.setattr(postgres, "WHEEL", "goncordia_no_such_wheel")
    monkeypatch.delenv(postgres.ELSEWHERE, raising=False)
    with pytest.raises(NotInstalled, match="pip install"), PostgresServer():
        pass


def test_one_that_can_not_start_shows_its_log() -> None:
    from goncordia_testservers import ServerFailed

    with (
        pytest.raises(ServerFailed, match="no_such_setting"),
        PostgresServer({"no_such_setting": "1"}),
    ):
        pass
