"""SQL as steps: an operation is a generator that asks, and a shell that knows how to wait answers.

An operation does no I/O: it yields a `Statement` or `Many` and is sent its `Reply`, so that one
body serves threads, event loops and a caller's foreign handle (the way of `psycopg/generators.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from datetime import datetime
from typing import NamedTuple, TypeVar
from uuid import UUID

Scalar = None | int | float | str | bytes | UUID | datetime
Value = Scalar | Sequence[Scalar]
"""A parameter or column; a list is an array, for stores that know arrays."""
Row = tuple[Value, ...]

R = TypeVar("R")


class Statement(NamedTuple):
    """One statement; parameters stand in it as the server itself has them: `?1`, `$1`."""

    text: str
    params: Sequence[Value] = ()


class Many(NamedTuple):
    """One statement executed for each of many rows of parameters; it returns no rows."""

    text: str
    rows: Sequence[Sequence[Value]]


Step = Statement | Many


class Reply(NamedTuple):
    """What came back: the rows, and how many rows the step changed (-1: unknown)."""

    rows: Sequence[Row]
    changed: int = -1


Op = Generator[Step, Reply, R]
"""An operation on a SQL store."""


def ask(text: str, params: Sequence[Value], read: Callable[[Row], R]) -> Op[list[R]]:
    """Ask, and read each row: `rows = yield from ask(statement, params, read)`."""
    reply = yield Statement(text, params)
    return [read(row) for row in reply.rows]


def change(text: str, params: Sequence[Value] = ()) -> Op[int]:
    """Execute; how many rows changed."""
    reply = yield Statement(text, params)
    return reply.changed


def change_many(text: str, rows: Sequence[Sequence[Value]]) -> Op[int]:
    """Execute for each row of parameters; how many rows changed in all."""
    reply = yield Many(text, rows)
    return reply.changed
