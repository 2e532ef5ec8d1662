"""Compare and set: leadership, cursors."""

from __future__ import annotations

from datetime import timedelta

from goncordia.answers import Cas

from goncordia_conformance.bench import Bench
from goncordia_conformance.case import case


async def _set(
    bench: Bench,
    expected: bytes | None,
    value: bytes | None,
    *,
    seconds: float | None = None,
    key: str = "k",
) -> Cas:
    ttl = None if seconds is None else timedelta(seconds=seconds)
    return await bench.driver.compare_and_set(key, expected, value, ttl=ttl, now=bench.now)


@case()
async def compares(bench: Bench) -> None:
    """A value is set only if what is expected stands there; the answer tells what does."""
    assert await _set(bench, b"1", b"2") == Cas(won=False, current=None)
    assert await _set(bench, None, b"1") == Cas(won=True, current=b"1")
    assert await _set(bench, None, b"2") == Cas(won=False, current=b"1")
    assert await _set(bench, b"0", b"2") == Cas(won=False, current=b"1")
    assert await _set(bench, b"1", b"2") == Cas(won=True, current=b"2")


@case()
async def removes(bench: Bench) -> None:
    """None in a value's place removes it."""
    await _set(bench, None, b"1")
    assert await _set(bench, b"1", None) == Cas(won=True, current=None)
    assert await _set(bench, None, b"2") == Cas(won=True, current=b"2")


@case()
async def expires(bench: Bench) -> None:
    """A value with a ttl is absent after it, and not before."""
    await _set(bench, None, b"me", seconds=30)
    bench.wait(29)
    assert await _set(bench, None, b"you", seconds=30) == Cas(won=False, current=b"me")
    bench.wait(2)
    assert await _set(bench, b"me", b"me", seconds=30) == Cas(won=False, current=None)
    assert await _set(bench, None, b"you", seconds=30) == Cas(won=True, current=b"you")


@case()
async def renews(bench: Bench) -> None:
    """Setting the same value again begins its ttl anew; without one it stays."""
    await _set(bench, None, b"me", seconds=30)
    bench.wait(20)
    assert (await _set(bench, b"me", b"me", seconds=30)).won
    bench.wait(20)
    assert await _set(bench, None, b"you") == Cas(won=False, current=b"me")
    assert (await _set(bench, b"me", b"me")).won
    bench.wait(3600)
    assert await _set(bench, None, b"you") == Cas(won=False, current=b"me")


@case()
async def keeps_keys_apart_and_bytes_whole(bench: Bench) -> None:
    """Any bytes under any key."""
    odd = bytes(range(256))
    await _set(bench, None, odd, key="cron/ü 1")
    await _set(bench, None, b"", key="cron/ü 2")
    assert (await _set(bench, None, b"x", key="cron/ü 1")).current == odd
    assert await _set(bench, b"", b"y", key="cron/ü 2") == Cas(won=True, current=b"y")
