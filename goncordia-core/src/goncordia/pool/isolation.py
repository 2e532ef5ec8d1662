"""What keeps one handler's mischief from its runner and its neighbours.

A handler runs in its runner's task (a task of its own costs ten times as much), so three things
must not leak out of it: context variables, cancellations of its own making, cancel scopes that it
left open. This module knows the event loops, since a cancellation differs between them.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Coroutine, Generator
from contextvars import copy_context
from typing import Generic, TypeVar, cast

import anyio
from anyio.lowlevel import checkpoint

from goncordia.errors import PoolEnded

P = TypeVar("P")
T = TypeVar("T")

KILLED = (
    "a task of the pool was cancelled by itself, past its nursery: cancel the scope round the pool "
    "instead"
)
"""What `PoolEnded` says of that."""


class InContext(Awaitable[T], Generic[P, T]):
    """Awaits in a copied context: what the work sets in context variables ends with it."""

    __slots__ = ("_argument", "_start", "_waits")

    def __init__(
        self, start: Callable[[P], Awaitable[T]], argument: P, waits: Callable[[], None]
    ) -> None:
        """`start(argument)` is called in the copy, too; `waits()` once it has to wait."""
        self._start = start
        self._argument: P = argument
        self._waits = waits

    def __await__(self) -> Generator[object, object, T]:
        run = copy_context().run
        work = run(_begin, self._start, self._argument)
        try:
            yielded = run(work.send, None)
            self._waits()
            while True:
                try:
                    sent = yield yielded
                except GeneratorExit:
                    run(work.close)
                    raise
                except BaseException as error:
                    yielded = run(work.throw, error)
                else:
                    yielded = run(work.send, sent)
        except StopIteration as end:
            return end.value


def _begin(
    start: Callable[[P], Awaitable[T]], argument: P
) -> Coroutine[object, object, T] | Generator[object, object, T]:
    awaitable = start(argument)
    if isinstance(awaitable, Coroutine):
        return cast("Coroutine[object, object, T]", awaitable)
    return _plain(awaitable)


def _plain(awaitable: Awaitable[T]) -> Generator[object, object, T]:
    return (yield from awaitable.__await__())


def cancelled_from_outside() -> bool:
    """Whether a scope round the current task was cancelled: its next await raises."""
    return anyio.current_effective_deadline() == -math.inf


def on_event_loop() -> bool:
    """Whether this runs on an event loop, and not in a thread."""
    try:
        anyio.get_current_task()
    except RuntimeError:
        return False
    return True


async def until_cancelled(tell: Callable[[], None]) -> None:
    """Wait for ever; once cancelled, `tell`."""
    try:
        await anyio.sleep_forever()
    finally:
        tell()


async def unless_killed(work: Awaitable[None]) -> None:
    """Do a task's work; raises `PoolEnded` if the task alone was cancelled, past all scopes.

    A nursery would take that for the quiet end of the task, and cancel the others as quietly.
    """
    try:
        await work
    except anyio.get_cancelled_exc_class() as error:
        if cancelled_from_outside():
            raise
        raise PoolEnded(KILLED) from error


class Strays:
    """Cancellations that no scope asked for: `asyncio` lets a handler cancel its own task."""

    __slots__ = ("_task",)

    def __init__(self) -> None:
        """For the current task."""
        try:
            self._task = asyncio.current_task()
        except RuntimeError:  # trio: nobody cancels a task but by a scope
            self._task = None

    @property
    def pending(self) -> bool:
        """Whether there is one to absorb."""
        return self._task is not None and self._task.cancelling() > 0

    async def absorb(self) -> None:
        """Take them all away, unless a scope round the task was cancelled as well."""
        task = self._task
        while task is not None and task.cancelling() > 0 and not cancelled_from_outside():
            try:
                await checkpoint()  # where one that was not delivered yet is
            except asyncio.CancelledError:
                if cancelled_from_outside():
                    raise
            task.uncancel()
