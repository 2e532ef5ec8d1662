"""Middleware: what wraps the execution of every job of a pool, and every enqueuing of jobs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager

from goncordia.args import Args
from goncordia.handler import Job
from goncordia.jobs import NewJob

Next = Callable[[Job[Args]], Awaitable[object]]
"""The rest of the chain, the handler at its end; its answer is the job's result."""

Middleware = Callable[[Job[Args], Next], Awaitable[object]]
"""`async def timing(job, call_next): ...; return await call_next(job)`."""

Enqueuing = Callable[[Sequence[NewJob], object], AbstractContextManager[object]]
"""What wraps each batch that is inserted: `with layer(jobs, tx): ...`.

It may change the jobs' meta before, and sees what the insert raises. `tx` is the caller's
transaction, None without one.
"""


def wrap(handler: Next, middleware: Sequence[Middleware]) -> Next:
    """The handler inside its middleware, the first one outermost."""
    for layer in reversed(middleware):
        handler = _layer(layer, handler)
    return handler


def _layer(layer: Middleware, inner: Next) -> Next:
    def call(job: Job[Args]) -> Awaitable[object]:
        return layer(job, inner)

    return call


@contextmanager
def enqueuing(layers: Sequence[Enqueuing], jobs: Sequence[NewJob], tx: object) -> Generator[None]:
    """Insert the jobs within all layers, the first one outermost."""
    with ExitStack() as stack:
        for layer in layers:
            stack.enter_context(layer(jobs, tx))
        yield
