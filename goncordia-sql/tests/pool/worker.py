"""A worker process of the tests: `python worker.py DATABASE JOURNAL LOOP`; killed from outside."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import anyio
from goncordia import Args, Job, Registry, worker_pool
from goncordia_sql.sqlite import SqliteDriver


class Work(Args, kind="work"):
    how: str = "count"
    seconds: float = 0.0


async def main(path: str, journal: str) -> None:
    jobs = Registry()
    thaw = Path(journal).with_name("thaw")
    log = os.open(journal, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def note(what: str, job: Job[Work]) -> None:
        os.write(log, f"{what} {job.id} {job.attempt} {os.getpid()}\n".encode())

    @jobs.worker
    async def work(job: Job[Work]) -> str:
        note("begun", job)
        try:
            if job.args.how == "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            while job.args.how == "freeze" and job.attempt == 1 and not thaw.exists():
                time.sleep(0.01)  # noqa: ASYNC251 no await, no beat
            await anyio.sleep(job.args.seconds)
        finally:
            note("ended", job)
        return f"attempt {job.attempt}"

    async with (
        SqliteDriver(path, synchronous="NORMAL") as driver,
        worker_pool(driver, jobs, concurrency=4, beat_every=0.05, session_ttl=0.4, poll=0.05),
    ):
        with anyio.open_signal_receiver(signal.SIGTERM) as signals:
            async for _ in signals:
                break


if __name__ == "__main__":
    anyio.run(main, sys.argv[1], sys.argv[2], backend=sys.argv[3])
