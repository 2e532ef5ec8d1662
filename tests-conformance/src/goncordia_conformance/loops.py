"""The bridge from synchronous tests to both event loops; no pytest plugin and no mode is needed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from types import TracebackType
from typing import Never, Self, TypeVar

import anyio
from anyio.from_thread import BlockingPortal, start_blocking_portal
from goncordia.driver import Driver

from goncordia_conformance.subject import Subject

R = TypeVar("R")

LOOPS = ("asyncio", "trio")
PATIENCE = 60.0
"""Seconds after which a call that has not come back counts as hanging."""


def run(call: Callable[[], Awaitable[R]], loop: str) -> R:
    """Run it on a fresh event loop."""
    return anyio.run(_bounded, call, backend=loop)


class Bridge:
    """An event loop in a thread with an open driver on it; `run` sends calls there."""

    def __init__(self, subject: Subject, loop: str) -> None:
        self._subject = subject
        self._loop = loop
        self._stack = ExitStack()
        self._portal: BlockingPortal

    def __enter__(self) -> Self:
        """Start the loop and open the driver."""
        with self._stack:
            self._portal = self._stack.enter_context(start_blocking_portal(self._loop))
            opened = self._portal.wrap_async_context_manager(self._subject.open())
            self.driver: Driver[Never] = self._stack.enter_context(opened)
            self._stack = self._stack.pop_all()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        """Close both."""
        self._stack.__exit__(exc_type, exc, tb)

    def run(self, call: Callable[[], Awaitable[R]]) -> R:
        """Run it there, and wait."""
        return self._portal.call(_bounded, call)


async def _bounded(call: Callable[[], Awaitable[R]]) -> R:
    with anyio.fail_after(PATIENCE):
        return await call()
