"""PostgreSQL, with a server of its own that may be stopped, killed and filled up."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Self

import psycopg
from goncordia_testservers.postgres import PostgresServer
from goncordia_testservers.process import free_port
from psycopg import sql

from chaos.stores import Store

UNDISTURBED = "-c statement_timeout=0 -c default_transaction_read_only=off"
"""For who looks on: what befalls the others does not befall it."""


class PostgresStore(Store):
    """A database."""

    name = "postgres"
    errors = (psycopg.Error,)
    JOBS = "goncordia.job"
    TABLES = """
        CREATE TABLE chaos_order (number bigint PRIMARY KEY);;
        CREATE TABLE chaos_done (job text);;
        CREATE FUNCTION chaos_completed() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            INSERT INTO chaos_done VALUES (new.id);
            RETURN new;
        END $$;;
        CREATE TRIGGER chaos_completed AFTER UPDATE OF state ON goncordia.job_row FOR EACH ROW
        WHEN (new.state = 4) EXECUTE FUNCTION chaos_completed()"""

    server: PostgresServer
    """That is written to."""
    _servers: ExitStack
    _spare: int

    @classmethod
    @contextmanager
    def made(cls, folder: Path) -> Generator[Self]:
        """In a server of its own, which the workers reach as a plain role, or where its heir is."""
        with ExitStack() as servers:
            server = servers.enter_context(PostgresServer())
            name, spare = server.create(), free_port()
            server.run(sql.SQL("CREATE ROLE worker LOGIN"))
            server.run(sql.SQL("ALTER DATABASE {} OWNER TO worker").format(sql.Identifier(name)))
            hosts = f"127.0.0.1:{server.port},127.0.0.1:{spare}"
            store = cls(f"postgresql://worker@{hosts}/{name}")
            store.server, store._servers, store._spare = server, servers, spare
            yield store.prepare()

    def follow(self) -> PostgresServer:
        """A standby on the other host, that each commit waits for from now on."""
        standby = PostgresServer(follows=self.server, port=self._spare)
        self._servers.enter_context(standby)
        self.server.await_standby()
        return standby

    def promote(self, standby: PostgresServer) -> None:
        """The server is dead; its standby takes its place."""
        standby.promote()
        self.server, self._spare = standby, self.server.port

    @classmethod
    @contextmanager
    def connect(cls, url: str) -> Generator[psycopg.Connection[Any]]:
        """A connection that commits each statement."""
        connection = psycopg.connect(
            url,
            autocommit=True,
            connect_timeout=5,
            options=UNDISTURBED,
            target_session_attrs="read-write",
        )
        try:
            yield connection
        finally:
            connection.close()
