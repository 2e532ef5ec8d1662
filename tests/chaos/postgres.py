"""PostgreSQL, with a server of its own that may be stopped, killed and filled up."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import psycopg
from goncordia_testservers.postgres import PostgresServer
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

    @classmethod
    @contextmanager
    def made(cls, folder: Path) -> Generator[Self]:
        """In a server of its own, which the workers reach as a plain role."""
        with PostgresServer() as server, server.database() as url:
            server.run(sql.SQL("CREATE ROLE worker LOGIN"))
            name = sql.Identifier(urlsplit(url).path[1:])
            server.run(sql.SQL("ALTER DATABASE {} OWNER TO worker").format(name))
            store = cls(url.replace("//postgres@", "//worker@"))
            store.server = server
            yield store.prepare()

    @classmethod
    @contextmanager
    def connect(cls, url: str) -> Generator[psycopg.Connection[Any]]:
        """A connection that commits each statement."""
        connection = psycopg.connect(url, autocommit=True, connect_timeout=5, options=UNDISTURBED)
        try:
            yield connection
        finally:
            connection.close()
