"""A unique key that somebody holds in an open transaction costs the outcome that wants it alone."""

from __future__ import annotations

import psycopg
import pytest
from goncordia.answers import Finished
from goncordia.jobs import ClaimedJob, Outcome, UniqueKey, completed
from goncordia.lifecycle import State
from goncordia_postgres import PostgresDriver, SyncPostgresDriver

from .helpers import HANDLES, ids, job, running


def with_key(held: ClaimedJob, name: int) -> Outcome:
    return completed(held, follow_ups=[job(unique=UniqueKey(bytes([name]) * 32))])


@pytest.mark.anyio
@pytest.mark.parametrize("loopless", [False, True])
async def test_it_comes_back_and_no_other_waits(
    driver: PostgresDriver, url: str, loopless: bool
) -> None:
    held = await running(driver, 8)
    outcomes = [with_key(each, n) for n, each in enumerate(held[:6])]
    outcomes[3:3] = [completed(each) for each in held[6:]]
    with (
        SyncPostgresDriver(url) as sync,
        psycopg.connect(url) as owner,
        psycopg.connect(url) as other,
    ):
        for transaction, name in ((owner, 1), (other, 5)):
            transaction.execute("SELECT 1")
            sync.insert([job(unique=UniqueKey(bytes([name]) * 32))], tx=transaction)
        told = sync.finish(outcomes) if loopless else await driver.finish(outcomes)
        busy = [outcome for outcome, answer in zip(outcomes, told, strict=True)
                if answer is Finished.BUSY]  # fmt: skip
        assert busy == [outcomes[1], outcomes[7]]
        assert told.count(Finished.DONE) == 6
        rows = await driver.get([outcome.id for outcome in busy])
        assert [row and row.state for row in rows] == [State.RUNNING] * 2
        owner.commit()
        other.rollback()
    assert await driver.finish(outcomes) == [Finished.DONE] * 8
    follow_ups = 6  # one was skipped for the owner's job, which is there in its place
    assert len(await ids(driver)) == len(held) + follow_ups


@pytest.mark.anyio
async def test_where_all_wait_the_tries_are_few(driver: PostgresDriver, url: str) -> None:
    outcomes = [with_key(each, n) for n, each in enumerate(await running(driver, 64))]
    with psycopg.connect(url) as other:
        other.execute("LOCK TABLE goncordia.unique_key IN SHARE MODE")
        assert await driver.finish(outcomes) == [Finished.BUSY] * 64
    assert await driver.finish(outcomes) == [Finished.DONE] * 64


@pytest.mark.anyio
async def test_in_the_callers_transaction_it_is_the_callers(
    driver: PostgresDriver, url: str, anyio_backend: str
) -> None:
    """And the caller's own settings stay what they are."""
    [held] = await running(driver)
    async with HANDLES["anyio"](url) as handle:
        await handle.run("BEGIN")
        await handle.run("SET LOCAL lock_timeout = '7s'")
        assert await driver.finish([with_key(held, 1)], tx=handle.tx) == [Finished.DONE]
        cursor = await handle.run("SHOW lock_timeout")
        assert await cursor.fetchone() == ("7s",)
        await handle.run("COMMIT")
