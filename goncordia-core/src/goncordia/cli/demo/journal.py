"""What a handler writes down of each attempt, in the shop's own table: the audit reads it."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, closing, contextmanager

import anyio
from anyio import to_thread

from goncordia.args import Args
from goncordia.cli.demo.shop import connect
from goncordia.handler import Job

FILE = "GONCORDIA_DEMO_FILE"
"""The environment variable that tells a worker of the demo its file."""
DONE = "done"
LAST_WORDS = 5.0
"""Seconds that a cancelled handler may take to write its end down."""

_EARLIER = "SELECT how FROM demo_run WHERE job = ? AND how IS NOT NULL"
_START = "INSERT INTO demo_run (job, attempt, pid, started_at) VALUES (?, ?, ?, ?)"
_END = "UPDATE demo_run SET ended_at = ?, how = ? WHERE rowid = ?"


class Attempt:
    """One run of a handler."""

    def __init__(self, job: Job[Args]) -> None:
        """Write its start."""
        with closing(connect(file())) as connection:
            earlier = connection.execute(_EARLIER, (str(job.id),)).fetchall()
            self.earlier = Counter(how for (how,) in earlier)
            """How the earlier attempts ended; one whose worker was killed did not."""
            row = (str(job.id), job.attempt, os.getpid(), time.time())
            self._row = connection.execute(_START, row).lastrowid

    def end(self, how: str) -> None:
        """Write its end."""
        with closing(connect(file())) as connection:
            connection.execute(_END, (time.time(), how, self._row))


def file() -> str:
    """The demo's file, as the environment says."""
    return os.environ[FILE]


@contextmanager
def recorded(job: Job[Args]) -> Generator[Attempt]:
    """Write down when the block begins, and how it ends: done, or the name of what it raised."""
    attempt = Attempt(job)
    try:
        yield attempt
    except BaseException as error:
        attempt.end(type(error).__name__)
        raise
    attempt.end(DONE)


@asynccontextmanager
async def async_recorded(job: Job[Args]) -> AsyncGenerator[Attempt]:
    """The same on an event loop."""
    attempt = await to_thread.run_sync(Attempt, job)
    try:
        yield attempt
    except BaseException as error:
        how = type(error).__name__ if job.cancel_reason is None else job.cancel_reason.value
        with anyio.move_on_after(LAST_WORDS, shield=True):
            await to_thread.run_sync(attempt.end, how)
        raise
    await to_thread.run_sync(attempt.end, DONE)
