"""Reading arguments that another version of their class wrote."""

from __future__ import annotations

import sys
from typing import TypeVar

import msgspec

from goncordia.args import Args, kind_of
from goncordia.codec import decode, encode
from goncordia.errors import PayloadAhead, UpcasterMissing, UpcastError

A = TypeVar("A", bound=Args)


def read(args: type[A], data: bytes, version: int) -> A:
    """The arguments that were stored as that version, lifted step by step to the class's own.

    Raises `PayloadAhead` for a version that the class does not know yet, and `ArgsDecodeError` for
    what can't be read: `UpcasterMissing` where a step is missing, `UpcastError` where one fails.
    """
    known = args.__goncordia_version__
    if version > known:
        raise PayloadAhead(kind_of(args), version, known)
    if version < known:
        data = lift(args, data, version)
    return decode(args, data)


def lift(args: type[Args], data: bytes, version: int) -> bytes:
    """The JSON as the class's own version would have it."""
    kind, known, steps = kind_of(args), args.__goncordia_version__, args.__goncordia_upcasters__
    missing = next((n for n in range(version, known) if n not in steps), None)
    if missing is not None:
        raise UpcasterMissing(kind, missing)
    at = version
    try:
        payload = msgspec.json.decode(data, type=dict[str, object])
        for at in range(version, known):
            payload = steps[at](payload)
        return encode(payload, f"args of {kind}", limit=sys.maxsize)
    except Exception as error:  # upcasters are the application's
        raise UpcastError(
            f"arguments of kind {kind!r}, version {version}, could not be lifted from {at} to "
            f"{at + 1}: {type(error).__name__}: {error}"
        ) from error
