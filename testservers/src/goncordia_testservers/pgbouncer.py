"""pgbouncer in transaction mode, in front of a PostgreSQL server; from the system's package."""

from __future__ import annotations

import os
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg.conninfo import conninfo_to_dict

from goncordia_testservers.postgres import Postgres
from goncordia_testservers.process import NotInstalled, ServerProcess, free_port, unprivileged

CONFIG = """
[databases]
* = {server}
[pgbouncer]
pool_mode = transaction
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir = {folder}
auth_type = any
max_client_conn = 500
default_pool_size = {size}
ignore_startup_parameters = extra_float_digits
"""


class PgBouncer(Postgres):
    """A pooler that runs; `url` leads through it, databases are made past it."""

    def __init__(self, process: ServerProcess, server: Postgres, port: int) -> None:
        super().__init__(f"postgresql://postgres@/postgres?host={process.folder}&port={port}")
        self.process = process
        self.server = server

    def ready(self) -> bool:
        """Whether it takes connections to its own console."""
        try:
            psycopg.connect(self.url("pgbouncer"), autocommit=True, connect_timeout=5).close()
        except psycopg.OperationalError:
            return False
        return True


@contextmanager
def pgbouncer(server: Postgres, size: int = 20) -> Generator[PgBouncer]:
    """Start one with so many connections to the server for each database.

    Raises `NotInstalled` where the machine has none.
    """
    program = _program()
    with ServerProcess("pgbouncer", user=unprivileged()) as process:
        bouncer = PgBouncer(process, server, port := free_port())
        config = process.folder / "pgbouncer.ini"
        config.write_text(
            CONFIG.format(server=_target(server), port=port, folder=process.folder, size=size)
        )
        process.start([program, config], bouncer.ready)
        yield bouncer


def _target(server: Postgres) -> str:
    given = conninfo_to_dict(server.url())
    wanted = {key: given[key] for key in ("host", "port", "user", "password") if key in given}
    return " ".join(f"{key}={value}" for key, value in wanted.items())


def _program() -> Path:
    path = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"))
    found = shutil.which("pgbouncer", path=path)
    if found is None:
        raise NotInstalled(
            "pgbouncer is missing: run scripts/servers, or apt-get install pgbouncer"
        )
    return Path(found)
