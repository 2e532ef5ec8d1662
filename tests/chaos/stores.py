"""The stores that chaos comes over, as an application sees them: tables, transactions, SQL."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Generator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar, Self


@dataclass(frozen=True)
class Found:
    """What stands in the store in the end, read without the library."""

    orders: set[int]
    jobs: list[tuple[str, str, int, str, int]]
    """Id, kind, order, state, attempt."""
    completions: Counter[str]
    """How often the state of each job became completed."""


def plain(id: object) -> str:
    """An id without its dashes."""
    return str(id).replace("-", "")


class Store(ABC):
    """One store, made and prepared."""

    name: ClassVar[str]
    """In `STORES`."""
    errors: ClassVar[tuple[type[Exception], ...]]
    """What its client library raises."""
    JOBS: ClassVar[str]
    """The view of the jobs."""
    BEGIN: ClassVar[str] = "BEGIN"
    """Begins a transaction."""
    TABLES: ClassVar[str]
    """The application's own, with a trigger that counts completions."""

    def __init__(self, url: str) -> None:
        """Of a fresh store."""
        self.url = url

    @classmethod
    @abstractmethod
    def made(cls, folder: Path) -> Any:
        """A context manager that gives a new one."""

    @classmethod
    @abstractmethod
    def connect(cls, url: str) -> Any:
        """A context manager that gives a connection of the client library's."""

    @classmethod
    @contextmanager
    def transaction(cls, connection: Any, keep: bool = True) -> Generator[None]:
        """A transaction that commits, or is rolled back where it is not to be kept."""
        connection.execute(cls.BEGIN)
        yield
        connection.execute("COMMIT" if keep else "ROLLBACK")

    def prepare(self) -> Self:
        """Make the tables, the library's by its command."""
        migrate = [sys.executable, "-m", "goncordia.cli", "migrate", "--driver", self.url]
        subprocess.run(migrate, check=True, stdout=subprocess.DEVNULL)
        self._script(self.TABLES)
        return self

    def find(self) -> Found:
        """What stands there now."""
        with self.connect(self.url) as connection:
            orders = {row[0] for row in connection.execute("SELECT number FROM chaos_order")}
            rows = connection.execute(f"SELECT id, kind, args, state, attempt FROM {self.JOBS}")
            jobs = [
                (plain(job), kind, json.loads(args)["order"], state, attempt)
                for job, kind, args, state, attempt in rows
            ]
            done = connection.execute("SELECT job FROM chaos_done")
            return Found(orders, jobs, Counter(plain(job) for (job,) in done))

    def unfinished(self) -> int:
        """How many jobs have not ended."""
        with self.connect(self.url) as connection:
            ended = "('completed', 'discarded', 'cancelled')"
            asked = f"SELECT count(*) FROM {self.JOBS} WHERE state NOT IN {ended}"
            return connection.execute(asked).fetchone()[0]

    def _script(self, script: str) -> None:
        with self.connect(self.url) as connection:
            for statement in script.split(";;"):
                connection.execute(statement)


class SqliteStore(Store):
    """A file."""

    name = "sqlite"
    errors = (sqlite3.Error,)
    JOBS = "goncordia_job"
    BEGIN = "BEGIN IMMEDIATE"
    TABLES = """
        CREATE TABLE chaos_order (number INTEGER PRIMARY KEY);;
        CREATE TABLE chaos_done (job TEXT);;
        CREATE TRIGGER chaos_completed AFTER UPDATE OF state ON goncordia_job_row
        WHEN new.state = 4
        BEGIN
            INSERT INTO chaos_done VALUES (lower(hex(new.id)));
        END"""

    @classmethod
    @contextmanager
    def made(cls, folder: Path) -> Generator[Self]:
        with TemporaryDirectory(dir=folder) as place:
            yield cls(f"sqlite:///{place}/jobs.db").prepare()

    @classmethod
    @contextmanager
    def connect(cls, url: str) -> Generator[sqlite3.Connection]:
        path = url.removeprefix("sqlite:///")
        with closing(sqlite3.connect(path, isolation_level=None, timeout=10)) as connection:
            yield connection
