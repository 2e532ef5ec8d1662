"""Middleware: what wraps the execution of every job of a pool."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from goncordia.args import Args
from goncordia.handler import Job

Next = Callable[[Job[Args]], Awaitable[object]]
"""The rest of the chain, the handler at its end; its answer is the job's result."""

Middleware = Callable[[Job[Args], Next], Awaitable[object]]
"""`async def timing(job, call_next): ...; return await call_next(job)`."""


def wrap(handler: Next, middleware: Sequence[Middleware]) -> Next:
    """The handler inside its middleware, the first one outermost."""
    for layer in reversed(middleware):
        handler = _layer(layer, handler)
    return handler


def _layer(layer: Middleware, inner: Next) -> Next:
    def call(job: Job[Args]) -> Awaitable[object]:
        return layer(job, inner)

    return call
