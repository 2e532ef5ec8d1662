"""The client of code without an event loop: the same operations, blocking."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar, Unpack

from goncordia.clock import Clock
from goncordia.codec import PAYLOAD_LIMIT
from goncordia.driver import SyncDriver
from goncordia.jobs import JobRow
from goncordia.middleware import Enqueuing
from goncordia.operations import Operations, Tx_contra, Where
from goncordia.requests import Call, Op, Wait
from goncordia.system_clock import SystemClock

R = TypeVar("R")


class SyncClient(Operations[Tx_contra]):
    """What an application asks of a store, from plain functions and threads.

    As `Client`, over a `SyncDriver`; no thread and no event loop is behind it.
    """

    def __init__(
        self,
        driver: SyncDriver[Tx_contra],
        *,
        require: Iterable[str] = (),
        clock: Clock | None = None,
        payload_limit: int = PAYLOAD_LIMIT,
        enqueuing: Sequence[Enqueuing] = (),
    ) -> None:
        """As `Client`. The clock says what time it is; waits before a resend are real."""
        self._driver = driver
        super().__init__(driver, require, clock or SystemClock(), payload_limit, enqueuing)

    def all_jobs(self, **where: Unpack[Where]) -> Iterator[JobRow]:
        """Each job that `jobs` would show, page after page."""
        page = self.jobs(**where)
        while True:
            yield from page.rows
            if page.cursor is None:
                return
            page = self.jobs(cursor=page.cursor, **where)

    def run(self, op: Op[R]) -> R:
        """Run an operation of `goncordia.requests`."""
        try:
            step = next(op)
            while True:
                try:
                    answer = self._do(step)
                except BaseException as error:  # raised by the operation, if it lets it out
                    step = op.throw(error)
                else:
                    step = op.send(answer)
        except StopIteration as stop:
            return stop.value

    def _do(self, step: Call | Wait) -> object:
        if isinstance(step, Wait):
            return time.sleep(step.seconds)
        return getattr(self._driver, step.method)(*step.args, **step.kwargs)
