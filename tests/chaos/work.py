"""What the workers of the chaos tests run: jobs that write down when they begin and end.

Imported by `goncordia worker chaos.work:jobs`. The ledger is a file and not a table, so that what
befalls the store does not befall it.
"""

from __future__ import annotations

import os
import time
from datetime import timedelta

import anyio
from goncordia import Args, Job, Registry
from goncordia.retry import Fixed

LEDGER = "CHAOS_LEDGER"
"""The environment variable with the ledger's path."""

MOMENT = 0.15
"""Seconds that a job takes: so long that several run whenever a blow falls."""
SOON = Fixed(timedelta(seconds=0.1))

jobs = Registry()


class Ship(Args, kind="ship", max_attempts=100):
    """Runs on the event loop."""

    order: int


class Bill(Args, kind="bill", max_attempts=100):
    """Runs in a thread."""

    order: int


@jobs.worker(retry=SOON)
async def ship(job: Job[Ship]) -> None:
    """Take a moment; the first attempt at one in ten fails, one without a lease is stopped."""
    write("begin", job)
    try:
        await anyio.sleep(MOMENT)
    except anyio.get_cancelled_exc_class():
        write("stop", job)
        raise
    if job.args.order % 10 == 0 and job.attempt == 1:
        write("fail", job)
        raise RuntimeError("the first attempt fails")
    write("end", job)


@jobs.worker(retry=SOON)
def bill(job: Job[Bill]) -> None:
    """Take a moment."""
    write("begin", job)
    time.sleep(MOMENT)
    write("end", job)


def write(what: str, job: Job[Ship] | Job[Bill]) -> None:
    """Add a line: one write, which is appended whole or not at all."""
    line = f"{what} {job.id} {job.attempt} {time.monotonic_ns()}\n"
    ledger = os.open(os.environ[LEDGER], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(ledger, line.encode())
    os.close(ledger)
