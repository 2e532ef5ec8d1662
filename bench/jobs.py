"""The job that every measure enqueues and runs, and how a pool drains a store of them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Never

import anyio
from goncordia import Args, Client, Job, Registry, worker_pool
from goncordia.driver import Driver
from measure import percentile

TO = "ada@example.com"


class Note(Args, kind="note"):
    """Two fields, 33 bytes of JSON."""

    n: int
    to: str


def notes(n: int) -> list[Note]:
    """So many different ones."""
    return [Note(i, TO) for i in range(n)]


async def fill(driver: Driver[Never], n: int) -> None:
    """Enqueue so many."""
    await Client(driver).enqueue_many(notes(n))


async def drain(driver: Driver[Never], n: int, concurrency: int) -> float:
    """Seconds in which a pool runs `n` waiting jobs that do nothing."""
    jobs, ran = Registry(), 0

    @jobs.worker
    async def handle(job: Job[Note]) -> None:
        nonlocal ran
        ran += 1

    started = time.perf_counter()
    async with worker_pool(driver, jobs, concurrency=concurrency) as pool:
        await pool.idle()
        took = time.perf_counter() - started
    if ran != n:
        raise RuntimeError(f"{ran} jobs ran, and {n} were enqueued")
    return took


async def pickups(driver: Driver[Never], n: int) -> Sequence[float]:
    """Seconds from the call of `enqueue` to the handler's start, on an idle pool; sorted."""
    jobs, client = Registry(), Client(driver)
    waits: list[float] = []
    called, heard = 0.0, anyio.Event()

    @jobs.worker
    async def handle(job: Job[Note]) -> None:
        waits.append(time.perf_counter() - called)
        heard.set()

    async with worker_pool(driver, jobs, concurrency=10) as pool:
        for note in notes(n):
            await pool.idle()
            heard = anyio.Event()
            called = time.perf_counter()
            await client.enqueue(note)
            await heard.wait()
    return waits


def pickup_figures(store: str, waits: Sequence[float]) -> dict[str, float]:
    """In milliseconds."""
    return {
        f"{store} pickup p50": percentile(waits, 0.5) * 1e3,
        f"{store} pickup p99": percentile(waits, 0.99) * 1e3,
    }
