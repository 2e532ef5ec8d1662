"""Job ids: UUIDv7 (RFC 9562), minted before the insert, so that a resend can't double a job."""

from __future__ import annotations

import hashlib
import os
import random
import time
from collections.abc import Callable
from datetime import datetime
from uuid import UUID, SafeUUID

from goncordia.clock import to_micros

_MARKS = 0x7 << 76 | 0b10 << 62
"""Version and variant."""
_RANDOM_BITS = 62
_ONE, _LAST = 1 << 64, 0xFFF << 64
"""The counted part: one more, and the most."""
_UNKNOWN = SafeUUID.unknown
_new = object.__new__
_put_int: Callable[[UUID, int], None] = UUID.__dict__["int"].__set__
_put_is_safe: Callable[[UUID, SafeUUID], None] = UUID.__dict__["is_safe"].__set__


def _mint() -> Callable[[], UUID]:
    """Makes ids: 48 bits of milliseconds and 12 that count within one (RFC 9562 6.2, method 1).

    Every job pays for a call: what it keeps is in the closure, and the arithmetic as short as can
    be. Two threads that meet here may get the same count; the other 62 bits tell their ids apart.
    """
    millis = prefix = last = 0

    def mint() -> UUID:
        nonlocal millis, prefix, last
        now = time.time_ns() // 1_000_000
        if now > millis or prefix >= last:  # where the clock has stepped back it counts on
            millis = max(now, millis + 1)
            prefix = millis << 80 | _MARKS
            last = prefix + _LAST
        prefix += _ONE
        made = _new(UUID)  # as `_made` does
        _put_int(made, prefix + _random.getrandbits(_RANDOM_BITS))
        _put_is_safe(made, _UNKNOWN)
        return made

    return mint


# ids need to be distinct, not secret: a generator seeded by the system, anew after a fork
_random = random.Random(os.urandom(32))
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=lambda: _random.seed(os.urandom(32)))

uuid7 = _mint()
"""A new id, greater than the one before: of two threads that ask at once, more or less."""


def uuid7_of(at: datetime, seed: bytes) -> UUID:
    """The same id for the same instant and seed."""
    bits = int.from_bytes(hashlib.sha256(seed).digest()[:8]) >> (64 - _RANDOM_BITS)
    return _assemble(to_micros(at) * 512 // 125, bits)


def from_bytes(data: bytes) -> UUID:
    """The id that a store keeps as these 16 bytes."""
    return _made(int.from_bytes(data))


def _assemble(ticks: int, bits: int) -> UUID:
    return _made((ticks >> 12 << 80) | (ticks & 0xFFF) << 64 | _MARKS | bits)


def _made(number: int) -> UUID:
    made = _new(UUID)  # as UUID(int=...) does, at a third of its price
    _put_int(made, number)
    _put_is_safe(made, _UNKNOWN)
    return made
