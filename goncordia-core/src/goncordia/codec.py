"""Arguments, meta and results to JSON bytes and back, with typed errors and a limit."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import TypeVar, cast

import msgspec
from msgspec import inspect

from goncordia.args import Args, kind_of
from goncordia.errors import ArgsDecodeError, ArgsError, PayloadTooLarge, ResultDecodeError
from goncordia.jobs import JobRow

PAYLOAD_LIMIT = 1024 * 1024
"""Bytes of encoded arguments, meta or result, unless a client or pool says otherwise."""

A = TypeVar("A", bound=Args)
T = TypeVar("T")

_encode = msgspec.json.Encoder().encode
_encode_sorted = msgspec.json.Encoder(order="sorted").encode


@lru_cache(maxsize=1024)
def _decoder(args: type[A]) -> msgspec.json.Decoder[A]:
    return msgspec.json.Decoder(args)


def encode(value: object, what: str, limit: int = PAYLOAD_LIMIT) -> bytes:
    """JSON bytes of what a job carries.

    Raises `ArgsError` for what JSON can't hold, NaN and the infinities too, and `PayloadTooLarge`
    above `limit` bytes.
    """
    try:
        data = _encode(value)
        # msgspec writes null for NaN; `in` would try first whether b"null" is a number, and is dear
        if data.find(b"null") >= 0 and _may_hold_floats(type(value)):
            _check_numbers(msgspec.to_builtins(value, enc_hook=_unseen))
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise ArgsError(f"{what} can't be encoded: {error}") from error
    if len(data) > limit:
        raise PayloadTooLarge(what, len(data), limit)
    return data


_FLOATS = (inspect.FloatType, inspect.AnyType, inspect.CustomType)
"""Types of which a value may be a float, as far as can be told."""


@lru_cache(maxsize=1024)
def _may_hold_floats(kind: type) -> bool:
    """Whether a float may be somewhere in a value of that type."""
    try:
        parts: list[object] = [inspect.type_info(kind)]
    except (NameError, TypeError):  # an annotation that can't be read
        return True
    seen: set[int] = set()
    while parts:
        part = parts.pop()
        if isinstance(part, _FLOATS):
            return True
        if isinstance(part, inspect.Type | inspect.Field) and id(part) not in seen:
            seen.add(id(part))
            parts += [getattr(part, name) for name in part.__struct_fields__]
        elif isinstance(part, tuple):
            parts += cast("tuple[object, ...]", part)
    return False


def _unseen(value: object) -> None:
    """For `msgspec.Raw`, which is JSON already."""


def _check_numbers(value: object) -> None:
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"JSON has no place for {value}; use None, or a string")
    if isinstance(value, dict):
        value = list(cast("dict[object, object]", value).values())
    if isinstance(value, list | tuple):
        for each in cast("Sequence[object]", value):
            _check_numbers(each)


def canonical(value: object, what: str) -> bytes:
    """JSON bytes with fields in sorted order: equal values give equal bytes."""
    try:
        return _encode_sorted(value)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise ArgsError(f"{what} can't be encoded: {error}") from error


def decode(args: type[A], data: bytes) -> A:
    """Arguments of that class; raises `ArgsDecodeError` where they no longer fit it."""
    try:
        return _decoder(args).decode(data)
    except Exception as error:  # a `__post_init__` may raise anything
        raise ArgsDecodeError(
            f"stored arguments of kind {kind_of(args)!r} don't fit {args.__name__}: {error}"
        ) from error


def result_of(row: JobRow, kind: type[T]) -> T:
    """A completed job's result; raises `ResultDecodeError` where it is not of that type."""
    try:
        return msgspec.json.decode(row.result or b"null", type=kind)
    except msgspec.MsgspecError as error:
        raise ResultDecodeError(
            f"the result of job {row.id}, of kind {row.kind!r}, is no {kind.__name__}: {error}"
        ) from error


def decode_object(data: bytes) -> dict[str, object]:
    """A JSON object, such as a job's meta."""
    return msgspec.json.decode(data, type=dict[str, object]) if data else {}
