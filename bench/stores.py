"""The stores: who is measured on each, what that needs, and where it finds the server."""

from __future__ import annotations

import re
import shutil
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from os import SEEK_END
from pathlib import Path

from measure import OURS, RAW

SCRATCH = Path(__file__).parent.parent / ".cache"
OWN = ("uvloop", "trio", "-e", "./goncordia-core")
SQLITE = (*OWN, "-e", "./goncordia-sql")
PSYCOPG = ("psycopg[binary]==3.3.9", "uvloop")
SAQ_REDIS = ("saq[redis,hiredis]==0.26.4", "typing-extensions", "uvloop")
PGQUEUER = ("pgqueuer==1.6.0", "asyncpg==0.32.0", "uvloop")
DYNAMO = (*OWN, "-e", "./goncordia-dynamo")
POSTGRES = (*OWN, "-e", "./goncordia-postgres[pool]", *PSYCOPG)


@dataclass(frozen=True, slots=True)
class Entry:
    """A subject: its module, and what its environment holds."""

    module: str
    environment: str
    requires: tuple[str, ...]
    loops: tuple[str, ...] = ("asyncio", "uvloop")
    only: str = ""
    """The beginning of the names of the measures that it takes part in."""


class Place(ABC):
    """A server that runs, with a place on it for each subject."""

    server: str
    """What it is, for the report."""
    pid = 0
    """Of the server's process; 0 where there is none."""

    @abstractmethod
    def url(self, subject: str) -> str:
        """Where that subject's jobs are."""

    @contextmanager
    def counting(self, subject: str) -> Generator[Callable[[], int] | None]:
        """Lets one ask how many statements the server has had from this subject; None: unknown."""
        del subject
        yield None

    def costs(self) -> str:
        """What its users pay for, as a table; empty where that is nothing."""
        return ""


class Files(Place):
    """A folder on a disk, with a file for each subject."""

    server = "the file system of .cache/, so that a sync is a sync"

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def url(self, subject: str) -> str:
        return str(self._folder / f"{subject}.db")


@contextmanager
def files() -> Generator[Files]:
    """They are gone afterwards."""
    SCRATCH.mkdir(exist_ok=True)
    folder = tempfile.mkdtemp(prefix="bench-", dir=SCRATCH)
    try:
        yield Files(Path(folder))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class PostgresPlace(Place):
    """A PostgreSQL server, with a database for each subject."""

    STATEMENT = re.compile(rb"LOG:  (statement|execute|fastpath function call)")
    LOGGED = ("log_statement = 'all'", "log_min_messages = 'log'")

    def __init__(self) -> None:
        from goncordia_testservers.postgres import DURABLE, PostgresServer

        self._server = PostgresServer(DURABLE)
        self._databases: dict[str, str] = {}
        self.server = f"PostgreSQL 18, {', '.join(f'{k}={v}' for k, v in DURABLE.items())}"

    def url(self, subject: str) -> str:
        if subject not in self._databases:
            self._databases[subject] = self._server.create()
        return self._server.url(self._databases[subject])

    @contextmanager
    def counting(self, subject: str) -> Generator[Callable[[], int] | None]:
        self.url(subject)
        name = self._databases[subject]
        for setting in self.LOGGED:
            self._alter(name, f"SET {setting}")
        try:
            with (self._server.process.folder / "log").open("rb") as log:
                log.seek(0, SEEK_END)
                count = 0

                def counted() -> int:
                    nonlocal count
                    count += sum(self.STATEMENT.search(line) is not None for line in log)
                    return count

                yield counted
        finally:
            for setting in self.LOGGED:
                self._alter(name, f"RESET {setting.split()[0]}")

    def _alter(self, database: str, change: str) -> None:
        from psycopg import sql

        text = sql.SQL("ALTER DATABASE {} {}")
        self._server.run(text.format(sql.Identifier(database), sql.SQL(change)))  # pyright: ignore[reportArgumentType] - constants above

    @classmethod
    @contextmanager
    def running(cls) -> Generator[PostgresPlace]:
        place = cls()
        with place._server:
            place.pid = place._server.process.pid
            yield place


class RedisPlace(Place):
    """A Redis server, with a database for each subject."""

    def __init__(self) -> None:
        from goncordia_testservers.redis import DURABLE, RedisServer

        self._server = RedisServer(DURABLE)
        self._numbers: dict[str, int] = {}
        self.server = f"Redis, {', '.join(f'{k} {v}' for k, v in DURABLE.items())}"

    def url(self, subject: str) -> str:
        return self._server.url(self._numbers.setdefault(subject, len(self._numbers)))

    @contextmanager
    def counting(self, subject: str) -> Generator[Callable[[], int] | None]:
        yield self._server.commands

    @classmethod
    @contextmanager
    def running(cls) -> Generator[RedisPlace]:
        place = cls()
        with place._server:
            place.pid = place._server.process.pid
            yield place


class DynamoPlace(Place):
    """DynamoDB Local, with a table for each subject."""

    def __init__(self) -> None:
        from goncordia_testservers.dynamo import DynamoServer

        self._server = DynamoServer()
        self.server = "DynamoDB Local 3.3.1, in memory: it is what limits, and bills nobody"

    def url(self, subject: str) -> str:
        return f"{self._server.endpoint}#{re.sub('[^a-z]', '-', subject)}"

    def costs(self) -> str:
        import units

        return units.costs(self._server.endpoint)

    @classmethod
    @contextmanager
    def running(cls) -> Generator[DynamoPlace]:
        place = cls()
        with place._server:
            place.pid = place._server.process.pid
            yield place


@dataclass(frozen=True, slots=True)
class Store:
    """What is measured on one kind of server."""

    place: Callable[[], AbstractContextManager[Place]]
    subjects: Mapping[str, Entry]
    crowd: int = 2
    """So many processes share it in some of the measures; 1: they can't."""
    shared: tuple[tuple[int, int], ...] = ((100, 0),)
    """How: jobs at once, and milliseconds that each waits."""
    backlogs: tuple[int, ...] = (10_000, 1_000_000)
    """Rows, queued or finished, among which a claim is measured; a quick run omits the last."""
    bare: bool = False
    """Whether raw's processes do so as well, where nothing waits: to see what the server allows."""
    slow: bool = False
    """Whether a quick run leaves that out, and the memory of jobs: it polls each few seconds."""


ALL = ("asyncio", "trio", "uvloop")

STORES: dict[str, Store] = {
    "memory": Store(
        files,
        {
            OURS: Entry("subjects.goncordia_memory", "goncordia", OWN, ALL),
            RAW: Entry("subjects.raw_memory", "goncordia", OWN, ALL, only="pool"),
        },
        crowd=1,
    ),
    "sqlite": Store(
        files,
        {
            OURS: Entry("subjects.goncordia_sqlite", "goncordia-sqlite", SQLITE, ALL),
            RAW: Entry("subjects.raw_sqlite_loop", "goncordia-sqlite", SQLITE),
            "huey": Entry("peers.huey", "huey", ("huey==3.5.4",), ("asyncio",)),
        },
    ),
    "postgres": Store(
        PostgresPlace.running,
        {
            OURS: Entry("subjects.goncordia_postgres", "goncordia-postgres", POSTGRES, ALL),
            RAW: Entry("subjects.raw_postgres", "goncordia-postgres", POSTGRES),
            "procrastinate": Entry(
                "peers.procrastinate",
                "procrastinate",
                ("procrastinate==3.10.0", *PSYCOPG),
            ),
            "pgqueuer": Entry("peers.pgqueuer", "pgqueuer", PGQUEUER),
            "pgqueuer uncapped": Entry(
                "peers.pgqueuer_uncapped", "pgqueuer", PGQUEUER, only="pool"
            ),
            "saq": Entry(
                "peers.saq_postgres",
                "saq-postgres",
                ("saq[postgres]==0.26.4", *PSYCOPG),
            ),
            "awa": Entry("peers.awa", "awa", ("awa-pg==0.6.9", "uvloop")),
        },
        shared=((100, 0), (10, 5)),  # a load that leaves a core to spare
        bare=True,
    ),
    "dynamo": Store(
        DynamoPlace.running,
        {
            OURS: Entry("subjects.goncordia_dynamo", "goncordia-dynamo", DYNAMO, ALL),
            RAW: Entry("subjects.raw_dynamo", "goncordia-dynamo", DYNAMO),
        },
        crowd=4,
        shared=((100, 0), (10, 100)),  # a load that the local server allows
        backlogs=(10_000,),  # it takes some 2000 a second
        slow=True,
        bare=True,
    ),
    "redis": Store(
        RedisPlace.running,
        {
            RAW: Entry("subjects.raw_redis", "raw-redis", ("redis[hiredis]==8.1.0", "uvloop")),
            "arq": Entry("peers.arq", "arq", ("arq==0.28.0", "hiredis==3.5.0", "uvloop")),
            "saq": Entry("peers.saq_redis", "saq-redis", SAQ_REDIS),
            "streaq": Entry("peers.streaq", "streaq", ("streaq==7.2.0", "trio", "uvloop"), ALL),
            "taskiq-redis": Entry(
                "peers.taskiq", "taskiq", ("taskiq-redis==1.2.4", "hiredis", "uvloop")
            ),
        },
    ),
}
