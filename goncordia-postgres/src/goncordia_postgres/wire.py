"""Values as PostgreSQL sends them, in its binary format.

What a statement takes is of few types, and a batch is a few long arrays: one join a column, where a
general adapter would look at each value. It asks nothing of the connection, so that a caller's own
adapters change nothing here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from struct import Struct
from types import NoneType
from typing import cast
from uuid import UUID

from goncordia.statements import Scalar, Value

TEXT, BINARY = 0, 1
Encoded = tuple[bytes | None, int]
"""A parameter and its format."""

_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_INT = Struct("!q").pack
_LENGTH = Struct("!i").pack
_HEAD = Struct("!iiIii").pack
"""Dimensions, whether there are nulls, the elements' type, how many, the first one's index."""
_NULL = _LENGTH(-1)
_SIXTEEN = _LENGTH(16)
_EIGHT = _LENGTH(8)


def encode(value: Value) -> Encoded:
    """The parameter; an array where a list is given, of the type of its first element."""
    if value is None:
        return None, BINARY
    return _ENCODERS[type(value)](value)


def _datetime(value: datetime) -> bytes:
    return _INT((value - _EPOCH) // _MICROSECOND)


def _uuid(value: UUID) -> bytes:
    return value.bytes


def _array(values: Sequence[Scalar]) -> Encoded:
    kinds = set(map(type, values))
    nulls = NoneType in kinds
    kinds.discard(NoneType)
    if not kinds:  # no type to tell: the statement has it
        return ("{" + ",".join(["NULL"] * len(values)) + "}").encode(), TEXT
    oid, element = _ELEMENTS[kinds.pop()]
    head = _HEAD(1, nulls, oid, len(values), 1)
    if nulls:
        parts = [_NULL if value is None else _sized(element(value)) for value in values]
    elif element is _uuid:
        parts = [_SIXTEEN, _SIXTEEN.join([value.bytes for value in cast("list[UUID]", values)])]
    elif element is _INT or element is _datetime:
        parts = [_EIGHT, _EIGHT.join(map(element, values))]
    else:
        parts = [_sized(element(value)) for value in values]
    return head + b"".join(parts), BINARY


def _sized(data: bytes) -> bytes:
    return _LENGTH(len(data)) + data


def _binary(convert: Callable[..., bytes]) -> Callable[..., Encoded]:
    def encoded(value: Scalar) -> Encoded:
        return convert(value), BINARY

    return encoded


_ELEMENTS: dict[type, tuple[int, Callable[..., bytes]]] = {
    UUID: (2950, _uuid),
    bytes: (17, bytes),
    str: (25, str.encode),
    int: (20, _INT),
    datetime: (1184, _datetime),
}
"""The oid of a type, and how a value of it is written."""

_ENCODERS: dict[type, Callable[..., Encoded]] = {
    list: _array,
    **{kind: _binary(convert) for kind, (_, convert) in _ELEMENTS.items()},
}
