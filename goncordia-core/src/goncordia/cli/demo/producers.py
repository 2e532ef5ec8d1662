"""Those who order: tasks on the event loop, and plain threads without one."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

import anyio
from anyio import to_thread

from goncordia.cli.demo.orders import Order
from goncordia.cli.demo.shop import async_transaction, connect, transaction
from goncordia.client import Client
from goncordia.driver import Driver
from goncordia.enqueue import Enqueued
from goncordia.plugins import open_sync_driver
from goncordia.sync_client import SyncClient

TASKS, THREADS = 3, 3


class CardDeclined(Exception):
    """Raised in the transaction of an order that is to be rolled back."""


async def order_all(
    path: str, url: str, driver: Driver[sqlite3.Connection], orders: Sequence[Order]
) -> None:
    """Write all orders, a half from code on the event loop, a half from plain code."""
    async with anyio.create_task_group() as tasks:
        shares = [orders[start :: TASKS + THREADS] for start in range(TASKS + THREADS)]
        for share in shares[:TASKS]:
            tasks.start_soon(_order_on_loop, path, Client(driver), share)
        for share in shares[TASKS:]:
            tasks.start_soon(to_thread.run_sync, order_in_thread, path, url, share)


async def _order_on_loop(
    path: str, client: Client[sqlite3.Connection], orders: Sequence[Order]
) -> None:
    for order in orders:
        try:
            async with async_transaction(path) as tx:
                _insert(tx, order, "task")
                answers = await client.enqueue_many(order.requests(), tx=tx)
                _settle(tx, order, answers)
        except CardDeclined:
            pass  # rolled back, and its jobs with it


def order_in_thread(path: str, url: str, orders: Sequence[Order]) -> None:
    """Write orders without an event loop, on a connection of one's own."""
    with open_sync_driver(url, tx=sqlite3.Connection) as driver:
        client, connection = SyncClient(driver), connect(path)
        for order in orders:
            try:
                with transaction(connection) as tx:
                    _insert(tx, order, "thread")
                    answers = client.enqueue_many(order.requests(), tx=tx)
                    _settle(tx, order, answers)
            except CardDeclined:
                pass  # rolled back, and its jobs with it
        connection.close()


def _insert(tx: sqlite3.Connection, order: Order, writer: str) -> None:
    tx.execute("INSERT INTO demo_order (number, writer) VALUES (?, ?)", (order.number, writer))


def _settle(tx: sqlite3.Connection, order: Order, answers: Sequence[Enqueued]) -> None:
    """Note the answer to a unique job; raise where the order is to be rolled back."""
    if order.reports:
        status = answers[-1].status.value
        tx.execute("UPDATE demo_order SET report = ? WHERE number = ?", (status, order.number))
    if order.rolled_back:
        raise CardDeclined(f"order {order.number}")
