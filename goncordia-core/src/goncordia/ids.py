"""Job ids: UUIDv7 (RFC 9562), minted before the insert, so that a resend can't double a job."""

from __future__ import annotations

import hashlib
import os
import random
import time
from datetime import datetime
from uuid import UUID

from goncordia.clock import to_micros

_VERSION = 0x7 << 76
_VARIANT = 0b10 << 62
_RANDOM_BITS = 62


class _Mint:
    """48 bits of milliseconds, 12 of their fraction (RFC 9562 6.2, method 3), strictly rising."""

    def __init__(self) -> None:
        self.last = 0
        # ids need to be distinct, not secret: a generator seeded by the system, anew after a fork
        self.random = random.Random(os.urandom(32))

    def ticks(self) -> int:
        ns = time.time_ns()
        ms, rest = divmod(ns, 1_000_000)
        now = (ms << 12) | (rest * 4096 // 1_000_000)
        self.last = now if now > self.last else self.last + 1
        return self.last


_mint = _Mint()


def _reseed() -> None:
    _mint.random = random.Random(os.urandom(32))


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_reseed)


def uuid7() -> UUID:
    """A new id; within a process each is greater than the one before."""
    return _assemble(_mint.ticks(), _mint.random.getrandbits(_RANDOM_BITS))


def uuid7_of(at: datetime, seed: bytes) -> UUID:
    """The same id for the same instant and seed."""
    ms, rest = divmod(to_micros(at), 1000)
    bits = int.from_bytes(hashlib.sha256(seed).digest()[:8]) >> (64 - _RANDOM_BITS)
    return _assemble((ms << 12) | (rest * 4096 // 1000), bits)


def _assemble(ticks: int, bits: int) -> UUID:
    return UUID(int=(ticks >> 12 << 80) | _VERSION | ((ticks & 0xFFF) << 64) | _VARIANT | bits)
