"""Wake-ups: between connections and processes, before and after a caller's commit."""

from __future__ import annotations

import os
import sqlite3
import sys
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import anyio
import pytest
from goncordia.actions import Cancel
from goncordia.answers import QueueChange
from goncordia.ids import uuid7
from goncordia.jobs import NewJob, released
from goncordia.sessions import Claim, Wake, WorkerInfo
from goncordia_sql.sqlite import SqliteDriver
from goncordia_sql.sqlite.env import News
from goncordia_sql.sqlite.listen import Listener
from goncordia_sql.sqlite.post import Post

pytestmark = pytest.mark.anyio


def job(**options) -> NewJob:
    return NewJob(uuid7(), "k", b"{}", **options)


async def heard(wakeups) -> Wake:
    with anyio.fail_after(10):
        return await wakeups.wait()


async def test_an_insert_wakes_who_listens_to_its_queue(driver: SqliteDriver) -> None:
    async with driver.listen(["a"]) as a, driver.listen(["b"]) as b:
        await driver.insert([job(queue="b")])
        await driver.insert([job(queue="a")])
        assert await heard(a) is Wake.JOBS
        assert await heard(b) is Wake.JOBS


async def test_jobs_of_next_week_and_of_other_queues_wake_nobody(driver: SqliteDriver) -> None:
    session = await driver.join(WorkerInfo("w"), timedelta(minutes=1))
    await driver.insert([job()])
    claims = await driver.claim(Claim(uuid7(), session.id, {"default": 1}))
    async with driver.listen(["default"]) as wakeups:
        await driver.insert([job(run_at=timedelta(days=7)), job(queue="other")])
        await driver.act([claims.jobs[0].id], Cancel())
        assert await heard(wakeups) is Wake.CANCELS, "and nothing before it"


async def test_a_batch_is_one_hint(driver: SqliteDriver) -> None:
    async with driver.listen(["default"]) as wakeups:
        await driver.insert([job() for _ in range(100)])
        assert await heard(wakeups) is Wake.JOBS
        await driver.insert([job(queue="other")])
        assert isinstance(wakeups, Listener)
        with pytest.raises(BlockingIOError):
            while True:
                assert b"default" not in wakeups._socket.recv(1000)


async def test_a_released_job_and_a_resumed_queue_wake(driver: SqliteDriver) -> None:
    session = await driver.join(WorkerInfo("w"), timedelta(minutes=1))
    await driver.insert([job()])
    claims = await driver.claim(Claim(uuid7(), session.id, {"default": 1}))
    async with driver.listen(["default"]) as wakeups:
        await driver.finish([released(claims.jobs[0])])
        assert await heard(wakeups) is Wake.JOBS
        await driver.queues(QueueChange("default", True))
        await driver.queues(QueueChange("default", False))
        assert await heard(wakeups) is Wake.JOBS


async def test_a_callers_commit_is_heard_and_its_rollback_is_not(
    driver: SqliteDriver, path: str
) -> None:
    async with driver.listen(["default"]) as wakeups:
        with closing(sqlite3.connect(path)) as tx:
            await driver.insert([job()], tx=tx)
            tx.rollback()
            wanted = job()
            await driver.insert([wanted], tx=tx)
            with anyio.move_on_after(0.02):
                await wakeups.wait()
                pytest.fail("woken before the commit")
            tx.commit()
        assert await heard(wakeups) is Wake.JOBS
        assert (await driver.get([wanted.id]))[0]


async def test_another_process_is_heard(driver: SqliteDriver, path: str) -> None:
    code = """if True:
        import sqlite3, sys
        from goncordia.ids import uuid7
        from goncordia.jobs import NewJob
        from goncordia_sql.sqlite import SyncSqliteDriver
        with SyncSqliteDriver(sys.argv[1]) as driver:
            if sys.argv[2] == "tx":
                tx = sqlite3.connect(sys.argv[1])
                driver.insert([NewJob(uuid7(), "k", b"{}")], tx=tx)
                tx.commit()
                tx.close()
            else:
                driver.insert([NewJob(uuid7(), "k", b"{}")])
    """
    async with driver.listen(["default"]) as wakeups:
        for how in ("plain", "tx"):
            await anyio.run_process([sys.executable, "-c", code, path, how])
            assert await heard(wakeups) is Wake.JOBS


async def test_who_was_killed_is_tidied_away(driver: SqliteDriver, path: str) -> None:
    code = """if True:
        import anyio, os, signal, sys
        from goncordia_sql.sqlite import SqliteDriver
        async def main():
            async with SqliteDriver(sys.argv[1]) as driver, driver.listen(["default"]):
                os.kill(os.getpid(), signal.SIGKILL)
        anyio.run(main)
    """
    killed = await anyio.run_process([sys.executable, "-c", code, path], check=False)
    assert killed.returncode == -9
    sockets = [name for name in os.listdir(path + "-goncordia") if name.endswith(".wake")]
    assert len(sockets) == 1
    async with driver.listen(["default"]) as wakeups:
        await driver.insert([job()])
        assert await heard(wakeups) is Wake.JOBS
        left = [name for name in os.listdir(path + "-goncordia") if name.endswith(".wake")]
        assert len(left) == 1
        assert left != sockets
    assert not [name for name in os.listdir(path + "-goncordia") if name.endswith(".wake")]


async def test_a_path_too_long_for_a_socket(tmp_path: Path) -> None:
    folder = tmp_path / ("long" * 20) / ("path" * 20)
    folder.mkdir(parents=True)
    async with SqliteDriver(folder / "jobs.db") as driver:
        await driver.migrate()
        async with driver.listen(["default"]) as wakeups:
            await driver.insert([job()])
            if os.path.isdir("/proc/self/fd"):
                assert await heard(wakeups) is Wake.JOBS


async def test_what_is_no_hint_is_passed_over(driver: SqliteDriver) -> None:
    async with driver.listen(["default"]) as wakeups:
        assert isinstance(wakeups, Listener)
        name = wakeups._socket.getsockname()
        wakeups._socket.sendto(b"\xff not ours", name)
        await driver.insert([job()])
        assert await heard(wakeups) is Wake.JOBS


async def test_a_listener_that_does_not_look_blocks_nobody(path: str, driver: SqliteDriver) -> None:
    post = Post(path + "-goncordia")
    post.open()
    news = News()
    news.queues.add("default")
    async with driver.listen(["default"]) as wakeups:
        for _ in range(5000):
            post.send(news)
        assert await heard(wakeups) is Wake.JOBS
    post.close()


async def test_waiting_can_be_cancelled_and_taken_up_again(driver: SqliteDriver, path: str) -> None:
    async with driver.listen(["default"]) as wakeups:
        with anyio.move_on_after(0):
            await wakeups.wait()
        with closing(sqlite3.connect(path)) as tx:
            await driver.insert([job()], tx=tx)
            with anyio.move_on_after(0.01):
                await wakeups.wait()
            tx.commit()
        assert await heard(wakeups) is Wake.JOBS


async def test_an_idle_listener_asks_the_store_nothing(path: str) -> None:
    asked: list[str] = []
    async with SqliteDriver(path) as driver:
        session = await driver.join(WorkerInfo("w"), timedelta(minutes=1))
        await driver.claim(Claim(uuid7(), session.id, {"default": 1}))
        for lane in (driver._reads, driver._writes):
            lane._link._open().set_trace_callback(asked.append)
        async with driver.listen(["default"]) as wakeups:
            with anyio.move_on_after(0.05):
                await wakeups.wait()
        assert asked == []
        await driver.claim(Claim(uuid7(), session.id, {"default": 1}))
        assert len(asked) == 1, "an empty claim is one statement, and takes no lock"
        await driver.rescue(10)
        await driver.prune(10)
        assert len(asked) == 3
