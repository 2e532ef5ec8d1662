"""What happens in the demo, in its order."""

from __future__ import annotations

import signal
import sqlite3
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, closing
from functools import partial
from typing import TypeVar
from uuid import UUID

import anyio
from anyio import to_thread
from anyio.abc import Process

from goncordia.cli.demo import sight
from goncordia.cli.demo.audit import MANY
from goncordia.cli.demo.orders import Order, write_plan
from goncordia.cli.demo.producers import TASKS, THREADS, order_all
from goncordia.cli.demo.screen import Screen
from goncordia.cli.demo.shop import connect, transaction
from goncordia.cli.demo.workers import CONCURRENCY, TTL, died, worker
from goncordia.client import Client
from goncordia.driver import Driver
from goncordia.plugins import open_driver

T = TypeVar("T")

LOOK_EVERY = 0.02
"""Seconds."""
WARM = 60
"""Jobs that have ended before the worker is killed: there is something to survive."""
PATIENCE = 120.0
"""Seconds after which the audit begins, come what may."""


class Scenario:
    """The demo on one file."""

    def __init__(self, path: str, url: str, loop: str, screen: Screen) -> None:
        """Nothing done yet."""
        self._path = path
        self._url = url
        self._loop = loop
        self._screen = screen
        self._worker: Process | None = None
        self._ordered = anyio.Event()
        self._turn = anyio.CapacityLimiter(1)

    async def play(self, orders: list[Order]) -> None:
        """Everything up to the audit."""
        say = self._screen.say
        async with open_driver(self._url, tx=sqlite3.Connection) as driver:
            await driver.migrate()
            with closing(connect(self._path)) as self._eye:
                write_plan(self._eye, orders)
                with anyio.move_on_after(PATIENCE) as patience:
                    await self._play(driver, orders)
                if patience.cancelled_caught:
                    say(f"not done after {PATIENCE:.0f} s", "bold red")

    async def _play(self, driver: Driver[sqlite3.Connection], orders: list[Order]) -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._watch)
            async with anyio.create_task_group() as acts:
                acts.start_soon(self._order, driver, orders)
                await self._kill_one()
                acts.start_soon(self._tell_of_rescue)
                await self._take_over(Client(driver))
            tasks.cancel_scope.cancel()

    async def _watch(self) -> None:
        """Keep the counts on the screen."""
        while True:
            seen = await self._see(sight.look)
            self._screen.count(seen.counts)
            await anyio.sleep(5 * LOOK_EVERY)

    async def _order(self, driver: Driver[sqlite3.Connection], orders: list[Order]) -> None:
        say = self._screen.say
        say(
            f"{len(orders)} orders, each in one transaction with its jobs, "
            f"by {TASKS} async tasks and {THREADS} plain threads"
        )
        await order_all(self._path, self._url, driver, orders)
        self._ordered.set()
        seen = await self._see(sight.look)
        say(f"{seen.orders} orders committed, {len(orders) - seen.orders} rolled back", "bold")

    async def _kill_one(self) -> None:
        """Start a worker, and kill it when it is busy."""
        async with self._working() as process:
            self._screen.say(f"worker {process.pid} starts: {CONCURRENCY} jobs at once")
            await self._until(partial(_frozen_busy, process))
            self._worker = None
            process.send_signal(signal.SIGKILL)
            await process.wait()
            held = await self._see(partial(_note_killed, process.pid))
            self._screen.say(f"{held} jobs run: worker {process.pid} gets SIGKILL", "bold red")

    async def _take_over(self, client: Client[sqlite3.Connection]) -> None:
        """Start another worker, cancel one of its jobs, and let it do all the rest."""
        say = self._screen.say
        async with self._working() as process:
            say(f"worker {process.pid} takes over", "bold")
            export = await self._until(sight.running_export)
            (answer,) = await client.cancel(UUID(export))
            say(f"export_books runs for ever, it is cancelled: {answer.value}")
            await self._ordered.wait()
            await self._until(_all_ended)
            self._worker = None
            process.send_signal(signal.SIGTERM)
            seen = await self._see(sight.look)
            self._screen.count(seen.counts)
            say(f"all {seen.ended} jobs have ended: worker {process.pid} gets SIGTERM", "bold")
            if await process.wait() != 0:
                raise died(process, self._path)

    @asynccontextmanager
    async def _working(self) -> AsyncGenerator[Process]:
        """A worker process, which is not to end by itself."""
        async with worker(self._path, self._url, self._loop) as process:
            self._worker = process
            try:
                yield process
            finally:
                self._worker = None

    async def _tell_of_rescue(self) -> None:
        await self._until(_taken_back)
        self._screen.say(f"the killed worker was silent for {TTL:.0f} s: its jobs are taken back")

    async def _see(self, what: Callable[[sqlite3.Connection], T]) -> T:
        """Ask the file, in a thread; one question at a time, since all share a connection."""
        return await to_thread.run_sync(what, self._eye, limiter=self._turn)

    async def _until(self, what: Callable[[sqlite3.Connection], T | None]) -> T:
        """Look until there is an answer; raises `WorkerDied` if the worker did."""
        while True:
            answer = await self._see(what)
            if answer:
                return answer
            process = self._worker
            if process is not None and process.returncode is not None:
                self._worker = None  # told once
                raise died(process, self._path)
            await anyio.sleep(LOOK_EVERY)


def _frozen_busy(process: Process, connection: sqlite3.Connection) -> bool:
    """Freeze the process and look: whether it holds enough jobs; if not, it goes on."""
    if sight.look(connection).ended < WARM or len(sight.running(connection)) < MANY:
        return False
    process.send_signal(signal.SIGSTOP)
    busy = len(sight.running(connection)) >= MANY
    if not busy:  # they ended between the two looks
        process.send_signal(signal.SIGCONT)
    return busy


def _taken_back(connection: sqlite3.Connection) -> bool:
    return not sight.still_lost(connection)


def _all_ended(connection: sqlite3.Connection) -> bool:
    return not sight.look(connection).live


def _note_killed(pid: int, connection: sqlite3.Connection) -> int:
    """Write down what the dead process holds; nobody else runs anything."""
    held = sight.running(connection)
    with transaction(connection):
        connection.executemany(
            "INSERT INTO demo_killed (job, pid) VALUES (?, ?)", [(job, pid) for job in held]
        )
    return len(held)
