"""Upkeep under a transaction that stays open: put off where it is dear, and no cancel with it."""

from __future__ import annotations

from datetime import timedelta

import psycopg
import pytest
from goncordia.actions import Acted, Cancel
from goncordia.ids import uuid7
from goncordia.sessions import Claim, WorkerInfo
from goncordia_postgres import PostgresDriver, thrift
from goncordia_postgres import statements as sql
from goncordia_postgres.place import SETTINGS
from goncordia_postgres.thrift import Thrift
from goncordia_testservers.postgres import Postgres

from .helpers import job


@pytest.fixture
def dear(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each look counts as a slow one."""
    monkeypatch.setattr(thrift, "SLOW", -1.0)
    monkeypatch.setattr(thrift, "COST", 1e9)


@pytest.mark.anyio
async def test_a_cancel_is_told_and_a_dead_session_is_found_a_little_later(
    driver: PostgresDriver, dear: None
) -> None:
    await driver.insert([job() for _ in range(2)])
    session = await driver.join(WorkerInfo("w"), timedelta(seconds=60))
    token = uuid7()
    one, _ = (await driver.claim(Claim(token, session.id, {"default": 2}))).jobs
    assert (await driver.beat(session.id, [token])).alive
    assert not driver._forgotten.due
    assert await driver.act([one.id], Cancel()) == [Acted.REQUESTED]
    assert (await driver.beat(session.id, [token])).cancels == (one.id,)
    assert (await driver.rescue(10)).n == 0
    await driver.leave(session.id)
    assert not (await driver.beat(session.id, [token])).alive
    assert (await driver.rescue(10)).n == 0, "not yet"
    driver._lost = Thrift()
    assert (await driver.rescue(10)).n == 2


def test_who_asks_for_known_jobs_reads_no_others(postgres: Postgres, template: str) -> None:
    """What other tokens of the session have claimed since an old snapshot is not walked over."""
    session, token = uuid7(), uuid7()
    with (
        postgres.database(template) as url,  # whose tables nobody has used before
        psycopg.connect(url) as old,
        psycopg.connect(url, autocommit=True) as looker,
    ):
        old.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        old.execute("SELECT count(*) FROM goncordia.job_row")
        for name, value in SETTINGS.items():
            looker.execute(f"SET {name} = '{value}'")  # pyright: ignore
        looker.execute(
            "INSERT INTO goncordia.session (id, ttl, joined_at, beat_at, worker) "
            "VALUES (%s, 1, now(), now(), '')",
            (session,),
        )
        looker.execute(
            "INSERT INTO goncordia.job_row (id, kind, args, state, session, token) "
            "SELECT gen_random_uuid(), 'k', '', 3, %s, gen_random_uuid() "
            "FROM generate_series(1, 5000)",
            (session,),
        )
        looker.execute("UPDATE goncordia.job_row SET state = 4, token = NULL, session = NULL")
        whole = blocks(looker, sql.BEAT, f"'{session}', '{{{token}}}', 60000000, NULL")
        known = blocks(looker, sql.BEAT_KNOWN, f"'{session}', '{{{token}}}', NULL")
    assert known < 60
    assert whole > known + 1000, "there was something to walk over"


def blocks(connection: psycopg.Connection, text: str, params: str) -> int:
    connection.execute(f"PREPARE looked_at AS {text}")  # pyright: ignore
    told = connection.execute(
        f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) EXECUTE looked_at({params})"  # pyright: ignore
    ).fetchone()
    connection.execute("DEALLOCATE looked_at")
    assert told
    root = told[0][0]["Plan"]
    return root["Shared Hit Blocks"] + root["Shared Read Blocks"]


def test_only_what_was_slow_is_put_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thrift, "SLOW", 3600.0)
    quick = Thrift()
    with quick.looking():
        pass
    assert quick.due
    monkeypatch.setattr(thrift, "SLOW", -1.0)
    monkeypatch.setattr(thrift, "COST", 1e9)
    failing = Thrift()
    with pytest.raises(ValueError, match="away"), failing.looking():
        raise ValueError("away")
    assert failing.due, "an outage says nothing of the cost"
    cut_short = Thrift()
    with pytest.raises(KeyboardInterrupt), cut_short.looking():
        raise KeyboardInterrupt
    assert not cut_short.due
