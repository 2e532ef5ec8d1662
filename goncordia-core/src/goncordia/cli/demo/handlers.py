"""The handlers of the demo's workers, as an application would write them."""

from __future__ import annotations

import time
from datetime import timedelta

import anyio

from goncordia.cli.demo.journal import async_recorded, file, recorded
from goncordia.cli.demo.kinds import (
    AskReview,
    Charge,
    CheckVat,
    Confirm,
    DailyReport,
    ExportBooks,
    FetchRate,
    Reserve,
)
from goncordia.cli.demo.shop import async_transaction
from goncordia.handler import Discard, Job
from goncordia.registry import Registry
from goncordia.retry import Fixed

WORK = 0.08
"""Seconds that a bank or a mail server takes to answer."""
SOON = Fixed(timedelta(seconds=0.3))

jobs = Registry()


class OutOfStock(Exception):
    """Nothing on the shelf yet."""


@jobs.worker
async def charge(job: Job[Charge]) -> None:
    """The payment and the job's completion commit together: never twice, whoever is killed."""
    async with async_recorded(job):
        await anyio.sleep(WORK)
        async with async_transaction(file()) as tx:
            tx.execute("INSERT INTO demo_payment (number) VALUES (?)", (job.args.order,))
            await job.complete(tx=tx)


@jobs.worker
def confirm(job: Job[Confirm]) -> None:
    """A plain function: it runs in a thread."""
    with recorded(job):
        time.sleep(WORK)


@jobs.worker(retry=SOON)
async def reserve(job: Job[Reserve]) -> None:
    """Fails twice."""
    async with async_recorded(job) as attempt:
        await anyio.sleep(WORK)
        if attempt.earlier["OutOfStock"] < 2:
            raise OutOfStock(f"order {job.args.order}: the shelf is empty")


@jobs.worker
async def check_vat(job: Job[CheckVat]) -> None:
    """Says that trying again is of no use."""
    async with async_recorded(job):
        raise Discard(f"order {job.args.order}: its VAT number is unknown")


@jobs.worker
async def ask_review(job: Job[AskReview]) -> None:
    """Was scheduled a second ahead."""
    async with async_recorded(job):
        await anyio.sleep(WORK)


@jobs.worker(timeout=2, retry=SOON)
async def fetch_rate(job: Job[FetchRate]) -> None:
    """The first time nobody answers."""
    async with async_recorded(job) as attempt:
        if not attempt.earlier["timeout"]:
            await anyio.sleep_forever()


@jobs.worker
async def export_books(job: Job[ExportBooks]) -> None:
    """Goes on until somebody cancels it."""
    async with async_recorded(job):
        await anyio.sleep_forever()


@jobs.worker
async def daily_report(job: Job[DailyReport]) -> None:
    """Many asked for it."""
    async with async_recorded(job):
        await anyio.sleep(WORK)
