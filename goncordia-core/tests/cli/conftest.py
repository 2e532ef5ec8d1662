"""A store that commands open, and what they say about it."""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

import pytest
from goncordia import Args, Client
from goncordia.cli import asking, loops
from goncordia.cli.app import run
from goncordia.ids import uuid7
from goncordia.jobs import AttemptError, Outcome, cancelled, completed, discarded, failed
from goncordia.memory import MemoryDriver, Tx
from goncordia.sessions import Claim, WorkerInfo

R = TypeVar("R")
WENT_WRONG = AttemptError(
    1, datetime(2026, 1, 1, tzinfo=UTC), "ValueError", "no [bold]\n good", "Traceback: there"
)


class Mail(Args, kind="mail"):
    to: str


class Report(Args, kind="report", queue="slow"):
    pass


@pytest.fixture(autouse=True)
def levels_as_before():
    """`goncordia worker` sets up the logging of its process, which here is that of the tests."""
    loggers = [logging.getLogger(), logging.getLogger("goncordia.jobs")]
    levels = [logger.level for logger in loggers]
    yield
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)


class Shell:
    """Runs commands on a store in memory, and keeps what they print."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self.driver = MemoryDriver()
        self._capsys = capsys

    def __call__(self, *arguments: object, status: int = 0) -> str:
        """What it prints on stdout; its stderr is then in `err`."""
        said = [str(argument) for argument in arguments]
        try:
            ended = run([said[0], "--driver", "memory:", *said[1:]])
        except SystemExit as end:
            ended = end.code
        out, self.err = self._capsys.readouterr()
        assert ended == status, self.err
        return out

    def weaken(self, **less: Any) -> None:
        """The store promises less from now on."""
        store = self.driver.store
        store.capabilities = replace(store.capabilities, **less)

    def json(self, *arguments: object, status: int = 0) -> Any:
        return json.loads(self(*arguments, "--json", status=status))

    def do(self, work: Callable[[Client[Tx]], Awaitable[R]]) -> R:
        """What the client answers."""
        return loops.run(lambda: work(Client(self.driver)), "asyncio")

    def enqueue(self, args: Args, **options: Any) -> UUID:
        return self.do(lambda client: client.enqueue(args, **options)).id

    def join(self, name: str = "host:7", queue: str = "default", kind: str = "mail") -> UUID:
        who = WorkerInfo(name, (queue,), (kind,), 3)
        return self.driver.store.join(who, timedelta(minutes=1)).id

    def claim(self, n: int = 1, queue: str = "default"):
        session = self.join(queue=queue)
        jobs = self.driver.store.claim(Claim(uuid7(), session, {queue: n})).jobs
        assert len(jobs) == n
        return jobs

    def end(self, how: Callable[..., Outcome], *more: object, n: int = 1) -> None:
        """The first due jobs end so."""
        jobs = self.claim(n)
        self.driver.store.finish([how(job, *more) for job in jobs])
        self.driver.store.leave(self.driver.store.sessions()[-1].id)

    def states(self) -> list[str]:
        """Of all jobs, in the order in which they were enqueued."""
        page = self.do(lambda client: client.jobs(limit=10_000))
        return [row.state.value for row in page.rows][::-1]


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Shell:
    shell = Shell(capsys)
    monkeypatch.setattr(asking, "open_driver", {"memory:": shell.driver}.__getitem__)
    monkeypatch.setenv("COLUMNS", "200")
    return shell


@pytest.fixture
def filled(shell: Shell) -> Shell:
    """A completed, a cancelled and two discarded mails; two that wait; a report that waits."""
    for n in range(6):
        shell.enqueue(Mail(to=str(n)), tags=["even"] if n % 2 == 0 else [])
    shell.end(completed, b'{"sent":true}')
    shell.end(cancelled, WENT_WRONG)
    shell.end(discarded, WENT_WRONG, n=2)
    shell.enqueue(Report(), run_at=timedelta(days=1))
    return shell


__all__ = ["WENT_WRONG", "Mail", "Report", "Shell", "failed"]
