"""The primary dies and its standby takes over: nothing that was told is lost."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import anyio
import psycopg
import pytest
from goncordia.answers import Finished, Insertion
from goncordia.errors import Unavailable
from goncordia.ids import uuid7
from goncordia.jobs import completed
from goncordia.lifecycle import State
from goncordia.sessions import Claim, Wake, WorkerInfo
from goncordia_postgres import PostgresDriver, SyncPostgresDriver
from goncordia_testservers.plugin import installed
from goncordia_testservers.postgres import PostgresServer

from .helpers import job

READ_ONLY = "the server is read-only: a standby"


@pytest.fixture
def pair(postgres_server: PostgresServer) -> Iterator[tuple[PostgresServer, PostgresServer]]:
    """A primary, and the standby that its commits wait for."""
    with SyncPostgresDriver(postgres_server.url()) as owner:
        owner.migrate()
    for standby in installed(PostgresServer(follows=postgres_server)):
        postgres_server.await_standby()
        yield postgres_server, standby


def both(one: PostgresServer, other: PostgresServer, words: str = "") -> str:
    """An address that names both, in this order."""
    return f"postgresql://postgres@127.0.0.1:{one.port},127.0.0.1:{other.port}/postgres{words}"


@pytest.mark.anyio
async def test_what_was_committed_is_there_and_goes_on(
    pair: tuple[PostgresServer, PostgresServer],
) -> None:
    primary, standby = pair
    waiting = [job() for _ in range(600)]
    async with PostgresDriver(both(standby, primary)) as driver:  # the one that writes is found
        await driver.insert(waiting)
        session = await driver.join(WorkerInfo("w"), timedelta(seconds=60))
        first = (await driver.claim(Claim(uuid7(), session.id, {"default": 20}))).jobs
        outcomes = [completed(each) for each in first[:10]]
        assert await driver.finish(outcomes) == [Finished.DONE] * 10
        primary.stop("immediate")
        late = job()
        with pytest.raises(Unavailable):
            await driver.insert([late])
        with pytest.raises(Unavailable):
            async with driver.listen(["default"]):
                pass
        standby.promote()
        assert [each.status for each in await driver.insert([late])] == [Insertion.CREATED]
        rows = await driver.get([each.id for each in (*waiting, late)])
        assert [row and row.state for row in rows].count(State.AVAILABLE) == 581
        assert [row and row.state for row in rows].count(State.RUNNING) == 10
        assert (await driver.beat(session.id, [first[0].token])).alive
        held = [completed(each) for each in first]
        assert await driver.finish(held) == [Finished.DONE] * 20, "ten of them told again"
        async with driver.listen(["default"]) as wakeups:
            await driver.insert([job()])
            with anyio.fail_after(30):
                assert await wakeups.wait() == Wake.JOBS


def test_a_standby_is_told_as_what_it_is(pair: tuple[PostgresServer, PostgresServer]) -> None:
    """By an address that leads there and nowhere else, or does not mind; a caller's, too."""
    primary, standby = pair
    kept = job()
    any_host = both(standby, primary, "?target_session_attrs=any")
    with (
        SyncPostgresDriver(standby.url()) as there,
        SyncPostgresDriver(any_host) as careless,
        SyncPostgresDriver(primary.url()) as driver,
    ):
        driver.insert([kept])
        for looker in (there, careless):
            with pytest.raises(Unavailable, match=READ_ONLY):
                looker.insert([job()])
            with pytest.raises(Unavailable, match=READ_ONLY):
                looker.insert([job() for _ in range(600)])  # by COPY
        with (
            psycopg.connect(standby.url()) as own,
            own.transaction(),
            pytest.raises(Unavailable, match=READ_ONLY),
        ):
            there.insert([job()], tx=own)
        primary.stop("immediate")
        standby.promote()
        for looker in (there, careless):
            looker.insert([job()])
            assert looker.get([kept.id])[0]
