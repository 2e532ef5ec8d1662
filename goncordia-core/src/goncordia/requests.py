"""What a client asks, as steps: an operation is written once and serves both kinds of client.

An operation does no I/O. It is a generator that yields a `Call` of a driver's method, or a `Wait`,
and is sent the answer; a shell that knows how to wait runs it (the way of `psycopg/generators.py`).
`Driver` and `SyncDriver` have the same names, so a call fits both.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Coroutine, Generator, Mapping
from functools import wraps
from typing import (
    Any,
    Concatenate,
    ParamSpec,
    Protocol,
    TypeVar,
    cast,
    overload,
)

import msgspec

from goncordia.driver import Driver
from goncordia.errors import Unavailable

P = ParamSpec("P")
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)
S = TypeVar("S")

RESENDS = (0.1, 0.5)
"""Seconds before a call is sent again, at most, when the store did not answer."""


class Call(msgspec.Struct, frozen=True):
    """Call this method of the driver."""

    method: str
    args: tuple[object, ...]
    kwargs: Mapping[str, object]


class Wait(msgspec.Struct, frozen=True):
    """Let so much time pass."""

    seconds: float


class Store(Driver[object], Protocol):
    """Where the calls' names and types are taken from."""


Op = Generator[Call | Wait, object, R]
"""An operation that answers `R`."""


def ask(
    method: Callable[Concatenate[Driver[object], P], Awaitable[R]],
    *args: P.args,
    **kwargs: P.kwargs,
) -> Op[R]:
    """Call a method of the driver once: `row = yield from ask(Store.get, ids)`."""
    reply = yield Call(method.__name__, args, kwargs)
    return cast("R", reply)


def insist(
    method: Callable[Concatenate[Driver[object], P], Awaitable[R]],
    *args: P.args,
    **kwargs: P.kwargs,
) -> Op[R]:
    """Call it, and again after each wait of `RESENDS` while the store is `Unavailable`."""
    for seconds in RESENDS:
        try:
            return (yield from ask(method, *args, **kwargs))
        except Unavailable:
            yield Wait(seconds * random.uniform(0.5, 1))
    return (yield from ask(method, *args, **kwargs))


class Waits(Protocol):
    """A client that awaits its driver."""

    async def run(self, op: Op[R]) -> R:
        """Run an operation."""
        ...


class Blocks(Protocol):
    """A client that blocks in its driver."""

    def run(self, op: Op[R]) -> R:
        """Run an operation."""
        ...


class Operation(Protocol[P, R_co]):
    """A function that is a method of both clients: it answers, or is to be awaited."""

    @overload
    def __get__(self, client: None, owner: type) -> Callable[Concatenate[Any, P], object]: ...
    @overload
    def __get__(self, client: Waits, owner: type) -> Callable[P, Coroutine[Any, Any, R_co]]: ...
    @overload
    def __get__(self, client: Blocks, owner: type) -> Callable[P, R_co]: ...


def operation(body: Callable[Concatenate[S, P], Op[R]]) -> Operation[P, R]:
    """Makes a method that is steps one that runs them, as the client's `run` does."""

    @wraps(body)
    def request(client: Blocks, *args: P.args, **kwargs: P.kwargs) -> R:
        return client.run(body(cast("S", client), *args, **kwargs))

    return cast("Operation[P, R]", request)
