"""The measures: one way to take each, the same for every subject and store.

Runs in the subject's own environment, so it needs nothing but the standard library.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from loops import LOOPS
from sampler import Sampler
from subject import PATIENCE, Subject, Unsupported, Work

MICROS, RATE, MILLIS, KIB, PER_JOB, PER_SECOND, PERCENT = (
    *("us", "jobs/s", "ms", "KiB", "per job", "per s", "%"),
)
PICKUP_SHARES = {"pickup p10": 0.1, "pickup p50": 0.5, "pickup p90": 0.9, "pickup p99": 0.99}
"""Measures, and the share of the pick-ups that took no longer."""
PICKUP = dict.fromkeys(PICKUP_SHARES, MILLIS)
FILL = 1000
"""Jobs in a batch that fills a queue."""
QUIET = 0.02
"""Seconds in which a worker becomes idle again."""
SETTLING = 0.5
"""Seconds in which a worker has begun, and is idle; a full run's is no shorter."""
PAGE = 4096


@dataclass(frozen=True, slots=True)
class Scale:
    """How much of everything."""

    jobs: int = 5000
    """That a pool drains."""
    seconds: float = 1.0
    """After which a turn ends, whatever is left."""
    claims: int = 10
    pickups: int = 3
    """At least, however long each takes."""
    held: int = 1000
    """Jobs that run at once while memory is looked at; 0: it is not."""
    many: int = 40_000
    """Jobs that no processes run in a turn."""

    @property
    def singles(self) -> int:
        """Jobs that are enqueued one by one."""
        return self.jobs // 5


Mark = Callable[[str], None]
"""Tells the bench's own process that something begins or ends, and waits until it has looked."""
Figures = dict[str, float]


async def enqueue(subject: Subject, scale: Scale, one: Callable[[int], Awaitable[None]]) -> float:
    """Microseconds of each, one after the other."""
    await subject.clear()
    subject.prepare(scale.singles + 1)
    await one(0)
    started, n = time.perf_counter(), 0
    while n < scale.singles and time.perf_counter() - started < scale.seconds:
        n += 1
        await one(n)
    return (time.perf_counter() - started) / n * 1e6


async def batch(subject: Subject, scale: Scale, size: int) -> float:
    """Jobs a second, after a first batch that opens connections."""
    await subject.clear()
    subject.prepare(2 * scale.jobs + 2 * size)
    await subject.enqueue_many(0, size)
    gc.collect()
    started, n = time.perf_counter(), 0
    while n < 2 * scale.jobs and time.perf_counter() - started < scale.seconds:
        await subject.enqueue_many(size + n, size)
        n += size
    return n / (time.perf_counter() - started)


async def fill(subject: Subject, jobs: int, seconds: float) -> int:
    """Enqueue so many, or what can be had in that time, 100 at least; the number."""
    await subject.clear()
    subject.prepare(jobs)
    started, n = time.perf_counter(), 0
    while n < jobs and (n < 100 or time.perf_counter() - started < seconds):
        n += await add(subject, n, min(FILL, jobs - n))
    return n


async def add(subject: Subject, first: int, n: int) -> int:
    """Enqueue so many at once, or one where there are no batches; the number."""
    try:
        await subject.enqueue_many(first, n)
    except Unsupported:
        await subject.enqueue(first)
        return 1
    return n


async def pool(subject: Subject, scale: Scale, concurrency: int, delay: float) -> float:
    """Jobs a second."""
    expected = round(concurrency / delay * scale.seconds) if delay else scale.jobs
    n = await fill(subject, min(expected, scale.jobs), 2 * scale.seconds)
    subject.work.expect(n, delay)
    gc.collect()
    return await subject.drain(concurrency, n, 1.5 * scale.seconds)


async def pickup(subject: Subject, scale: Scale) -> Figures:
    """Milliseconds from the call of enqueue to the start of the handler, on an idle worker."""
    await subject.clear()
    subject.prepare(200)
    work, waits = subject.work, list[float]()
    async with subject.worker(10):
        started = time.perf_counter()
        until = started + 2 * scale.seconds
        while len(waits) < 200 and (len(waits) < scale.pickups or time.perf_counter() < until):
            await work.loop.sleep(QUIET)
            work.expect(1)
            called = time.perf_counter()
            await subject.enqueue(len(waits))
            if not await work.loop.wait(work.done, PATIENCE):
                raise TimeoutError(f"a job was not picked up within {PATIENCE:.0f} s")
            waits.append(work.began - called)
    waits = sorted(waits[1:] or waits)  # the first one opens connections
    return {
        name: waits[min(int(len(waits) * share), len(waits) - 1)] * 1e3
        for name, share in PICKUP_SHARES.items()
    }


async def observed(subject: Subject, scale: Scale, mark: Mark) -> Figures:
    """What is seen from outside: memory of running jobs, idleness, statements."""
    subject.watch()
    await subject.clear()
    figures: Figures = {}
    with suppress(Unsupported):  # then it has no worker that rests
        figures = await _resting(subject, scale, mark)
    return figures | await _statements(subject, scale, mark)


async def _resting(subject: Subject, scale: Scale, mark: Mark) -> Figures:
    subject.prepare(scale.held)
    async with subject.worker(scale.held or 100):
        await subject.work.loop.sleep(max(SETTLING, scale.seconds))
        mark("idle begins")
        cpu, asked, started = time.process_time(), subject.asked(), time.perf_counter()
        await subject.work.loop.sleep(2 * scale.seconds)
        mark("idle ends")
        took = time.perf_counter() - started
        idle = {"idle cpu": (time.process_time() - cpu) / took * 100, "idle seconds": took}
        idle |= _asked(subject, asked, "idle queries", took)
        return idle | (await _holding(subject, scale) if scale.held else {})


async def _holding(subject: Subject, scale: Scale) -> Figures:
    """Memory of jobs that run at once."""
    work, gate = subject.work, subject.work.loop.event()
    work.expect(scale.held, gate=gate)
    gc.collect()
    before = _resident()
    added = 0
    while added < scale.held:
        added += await add(subject, added, scale.held - added)
    if await work.loop.wait(work.started, PATIENCE):
        await work.loop.wait(work.done, 5 * scale.seconds)
    gc.collect()
    grown, held = max(0, _resident() - before), work.count
    gate.set()
    await work.loop.sleep(QUIET)
    return {"memory per 1000 running": grown / 1024 * 1000 / held} if held else {}


async def _statements(subject: Subject, scale: Scale, mark: Mark) -> Figures:
    n = await fill(subject, scale.jobs, 4 * scale.seconds)  # that joining and leaving weigh little
    subject.work.expect(n)
    asked = subject.asked()
    mark("jobs begin")
    await subject.drain(100, n, 8 * scale.seconds)
    cpu, count = time.process_time() - subject.work.began_cpu, subject.work.count
    mark("jobs end")
    if not count:
        return {}
    told = _asked(subject, asked, "queries per job", count)
    return {"jobs": float(count), "cpu per job": cpu / count * 1e6, **told}


def _asked(subject: Subject, before: int | None, name: str, share: float) -> Figures:
    now = subject.asked()
    return {} if before is None or now is None else {name: (now - before) / share}


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE


async def share(subject: Subject, scale: Scale, how: str, mark: Mark) -> Figures:
    """Jobs a second of one process of several, while there is more than they can do.

    `how` says how many jobs run at once, and how many milliseconds each waits.
    """
    concurrency, wait = how.split()
    subject.work.expect(scale.many, int(wait) / 1000)
    mark("ready")  # all begin at once, or each would be measured without the others
    rate = await subject.drain(int(concurrency), scale.many, scale.seconds)
    return {"share": rate, **subject.spent()}


async def profile(subject: Subject, scale: Scale, what: str, mark: Mark) -> Figures:
    """Microseconds a job by part, of one measure's timed part alone."""
    name, _, size = what.rpartition(" ")
    drains = name == "pool"
    n = await fill(subject, scale.jobs, 4 * scale.seconds) if drains else scale.jobs
    if not drains:
        await subject.clear()
        subject.prepare(n)
    subject.work.expect(n)
    mark("begin")
    with Sampler() as sampler:
        if drains:
            await subject.drain(int(size), n, 4 * scale.seconds)
            n = subject.work.count
        elif name == "batch":
            for first in range(0, n, int(size)):
                await subject.enqueue_many(first, min(int(size), n - first))
        else:
            n = min(n, scale.singles)
            for i in range(n):
                await subject.enqueue(i)
    mark("end")
    return {part: spent / n * 1e6 for part, spent in sampler.seconds.items()} | {"jobs": float(n)}


async def claims(subject: Subject, scale: Scale) -> float:
    """Microseconds of a claim of 100."""
    return median([await subject.claim(100) for _ in range(scale.claims)]) * 1e6


Take = Callable[[Subject, Scale], Awaitable[float]]

RATES: dict[str, tuple[str, Take]] = {
    "enqueue": (MICROS, lambda s, x: enqueue(s, x, s.enqueue)),
    "enqueue tx": (MICROS, lambda s, x: enqueue(s, x, s.enqueue_tx)),
    "batch 100": (RATE, lambda s, x: batch(s, x, 100)),
    "batch 1000": (RATE, lambda s, x: batch(s, x, 1000)),
    "pool 1": (RATE, lambda s, x: pool(s, x, 1, 0)),
    "pool 10": (RATE, lambda s, x: pool(s, x, 10, 0)),
    "pool 100": (RATE, lambda s, x: pool(s, x, 100, 0)),
    "pool 1 wait 5ms": (RATE, lambda s, x: pool(s, x, 1, 0.005)),
    "pool 10 wait 5ms": (RATE, lambda s, x: pool(s, x, 10, 0.005)),
    "pool 100 wait 5ms": (RATE, lambda s, x: pool(s, x, 100, 0.005)),
}
"""Of one figure each."""
OBSERVED = {
    "memory per 1000 running": KIB,
    "queries per job": PER_JOB,
    "cpu per job": MICROS,
    "idle queries": PER_SECOND,
    "idle cpu": PERCENT,
}


def unit(measure: str) -> str:
    """Of a measure by its name, on whatever loop."""
    base = measure.removesuffix(" trio").removesuffix(" uvloop")
    if base.startswith("claim"):
        return MICROS
    return RATES[base][0] if base in RATES else {**PICKUP, **OBSERVED}[base]


def take(
    make: Callable[[str, Work], Subject], url: str, measure: str, loop: str, scale: Scale,
    mark: Mark = lambda _: None, stock: tuple[int, int] | None = None,
) -> Figures:  # fmt: skip
    """Take one measure of a subject, on a loop of its own."""
    on = LOOPS[loop]

    async def main() -> Figures:
        subject = make(url, Work(on))
        await subject.open()
        try:
            if stock is not None:
                await subject.clear()
                await subject.stock(*stock)
            if measure == "pickup":
                return await pickup(subject, scale)
            if measure == "observed":
                return await observed(subject, scale, mark)
            if measure == "fill":
                return {measure: await fill(subject, scale.many, 4 * scale.seconds)}
            if measure.startswith("share "):
                return await share(subject, scale, measure.removeprefix("share "), mark)
            if measure.startswith("profile "):
                return await profile(subject, scale, measure.removeprefix("profile "), mark)
            if measure.startswith("claim"):
                return {measure: await claims(subject, scale)}
            return {measure: await RATES[measure][1](subject, scale)}
        finally:
            await subject.close()

    return on.run(main)
