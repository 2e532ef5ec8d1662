"""The pytest plugin: one server for a session, a fresh database for a test.

A test whose server is not installed is skipped with the remedy; under CI=true that is a failure.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, TypeVar

import pytest

from goncordia_testservers.process import NotInstalled

if TYPE_CHECKING:
    from goncordia_testservers.dynamo import Dynamo
    from goncordia_testservers.pgbouncer import PgBouncer
    from goncordia_testservers.postgres import Postgres, PostgresServer
    from goncordia_testservers.redis import Redis

T = TypeVar("T")


def installed(server: AbstractContextManager[T]) -> Generator[T]:
    """Let a fixture have the server, or skip its tests where it is not installed."""
    try:
        running = server.__enter__()
    except NotInstalled as missing:
        pytest.skip(str(missing))
    try:
        yield running
    finally:
        server.__exit__(None, None, None)


@pytest.fixture(scope="session")
def postgres() -> Generator[Postgres]:
    """The session's PostgreSQL server; it is to be left as it was found."""
    from goncordia_testservers.postgres import shared

    yield from installed(shared())


@pytest.fixture
def postgres_url(postgres: Postgres) -> Generator[str]:
    """The URL of a database for this test alone."""
    with postgres.database() as url:
        yield url


@pytest.fixture
def postgres_server() -> Generator[PostgresServer]:
    """A PostgreSQL server for this test alone, which may stop, kill and start it."""
    from goncordia_testservers.postgres import PostgresServer

    yield from installed(PostgresServer())


@pytest.fixture(scope="session")
def pgbouncer(postgres: Postgres) -> Generator[PgBouncer]:
    """A pgbouncer in transaction mode before the session's server: `pgbouncer.url(database)`."""
    from goncordia_testservers.pgbouncer import pgbouncer

    yield from installed(pgbouncer(postgres))


@pytest.fixture(scope="session")
def redis() -> Generator[Redis]:
    """The session's Redis server; it is to be left as it was found."""
    from goncordia_testservers.redis import shared

    yield from installed(shared())


@pytest.fixture(scope="session")
def dynamodb() -> Generator[Dynamo]:
    """The session's DynamoDB Local: `dynamodb.endpoint`; make tables with names of your own."""
    from goncordia_testservers.dynamo import shared

    yield from installed(shared())
