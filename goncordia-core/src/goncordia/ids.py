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
_UNKNOWN = SafeUUID.unknown
_new = object.__new__
_put_int: Callable[[UUID, int], None] = UUID.__dict__["int"].__set__
_put_is_safe: Callable[[UUID, SafeUUID], None] = UUID.__dict__["is_safe"].__set__


class _Mint:
    """48 bits of milliseconds, 12 of their fraction (RFC 9562 6.2, method 3), strictly rising."""

    def __init__(self) -> None:
        self.last = 0
        self.reseed()

    def reseed(self) -> None:
        # ids need to be distinct, not secret: a generator seeded by the system, anew after a fork
        self.getrandbits = random.Random(os.urandom(32)).getrandbits


_mint = _Mint()

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_mint.reseed)


def uuid7() -> UUID:
    """A new id; within a process each is greater than the one before."""
    ticks = time.time_ns() * 64 // 15_625  # 4096 in each millisecond
    if ticks <= _mint.last:
        ticks = _mint.last + 1
    _mint.last = ticks
    made = _new(UUID)  # as `_assemble` does, less two calls: every job pays for this
    bits = _mint.getrandbits(_RANDOM_BITS)
    _put_int(made, (ticks >> 12 << 80) | (ticks & 0xFFF) << 64 | _MARKS | bits)
    _put_is_safe(made, _UNKNOWN)
    return made


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
