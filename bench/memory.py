"""What is measured of the memory driver: what goncordia itself costs, without any store."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterator

import anyio
import raw_memory
from goncordia import Client
from goncordia.memory import MemoryDriver
from jobs import drain, fill, notes, pickup_figures, pickups
from measure import MICROS, MILLIS, OURS, RATE, RAW, Floor, Group, Turn

LOOPS = {"asyncio": "", "trio": " trio"}
"""Event loops, and what a measure's name says of them."""


def groups(quick: bool) -> Iterator[Group]:
    """All measures."""
    yield _enqueue(500 if quick else 2000)
    yield _batch(5_000 if quick else 20_000)
    for concurrency in (1, 10, 100):
        yield _pool(concurrency, 4_000 if quick else 20_000)
    yield _pickup(200 if quick else 1000)


def _enqueue(n: int) -> Group:
    async def run() -> float:
        async with MemoryDriver() as driver:
            client, jobs = Client(driver), notes(n)
            started = time.perf_counter()
            for note in jobs:
                await client.enqueue(note)
            return (time.perf_counter() - started) / n * 1e6

    name = "memory enqueue"
    return Group({name: MICROS}, [Turn(OURS, lambda: {name: anyio.run(run)})])


def _batch(n: int) -> Group:
    async def run(size: int) -> float:
        async with MemoryDriver() as driver:
            client, jobs = Client(driver), notes(n)
            started = time.perf_counter()
            for at in range(0, n, size):
                await client.enqueue_many(jobs[at : at + size])
            return n / (time.perf_counter() - started)

    few, many = "memory batch 100", "memory batch 1000"
    return Group(
        {few: RATE, many: RATE},
        [Turn(OURS, lambda: {few: anyio.run(run, 100), many: anyio.run(run, 1000)})],
        [Floor(many, at_least=150_000)],
    )


def _pool(concurrency: int, n: int) -> Group:
    async def run() -> float:
        async with MemoryDriver() as driver:
            await fill(driver, n)
            return n / await drain(driver, n, concurrency)

    async def raw() -> float:
        return 5 * n / await raw_memory.drain(5 * n, concurrency)

    def named(backend: str) -> str:
        return f"memory pool {concurrency}{LOOPS[backend]}"

    def turn(subject: str, work: Callable[[], Awaitable[float]], backend: str) -> Turn:
        return Turn(subject, lambda: {named(backend): anyio.run(work, backend=backend)})

    turns = [turn(s, w, b) for b in LOOPS for s, w in ((RAW, raw), (OURS, run))]
    name, trio = named("asyncio"), named("trio")
    floors = [
        Floor(name, at_least=40_000),
        Floor(name, at_least=0.2, of=(name, RAW)),
        Floor(trio, at_least=0.7, of=(name, OURS)),
    ]
    return Group({name: RATE, trio: RATE}, turns, floors if concurrency == 100 else ())


def _pickup(n: int) -> Group:
    async def run() -> dict[str, float]:
        async with MemoryDriver() as driver:
            return pickup_figures("memory", await pickups(driver, n))

    units = {"memory pickup p50": MILLIS, "memory pickup p99": MILLIS}
    return Group(units, [Turn(OURS, lambda: anyio.run(run))])
