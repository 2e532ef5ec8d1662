"""The orders: which jobs each needs, which of them are rolled back."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import timedelta
from typing import NamedTuple

from goncordia.args import kind_of
from goncordia.cli.demo.kinds import (
    AskReview,
    Charge,
    CheckVat,
    Confirm,
    DailyReport,
    ExportBooks,
    FetchRate,
    OrderArgs,
    Reserve,
)
from goncordia.cli.demo.shop import TABLES, transaction
from goncordia.enqueue import Enqueue

ORDERS = 300
AHEAD = timedelta(seconds=1)
REPORT = DailyReport(day="today")

SPECIALS: dict[int, type[OrderArgs]] = {
    1: Reserve,
    2: CheckVat,
    3: AskReview,
}
"""By the order's number modulo 20."""
RARE: dict[int, type[OrderArgs]] = {7: FetchRate, 8: ExportBooks, 9: FetchRate, 11: FetchRate}
"""By the order's number; these take long."""
REPORTING = frozenset({4, 6, 10, 16})
"""Orders that ask for the daily report, by the same rule; 10 is one that is rolled back."""


class Order(NamedTuple):
    """One order; every fifth is rolled back."""

    number: int

    @property
    def rolled_back(self) -> bool:
        """Whether its transaction ends in an error."""
        return self.number % 5 == 0

    @property
    def reports(self) -> bool:
        """Whether it asks for the daily report."""
        return self.number % 20 in REPORTING

    def jobs(self) -> Iterator[OrderArgs]:
        """The jobs that belong to it."""
        yield Charge(order=self.number)
        yield Confirm(order=self.number)
        special = SPECIALS.get(self.number % 20) or RARE.get(self.number)
        if special is not None:
            yield special(order=self.number)

    def requests(self) -> list[Enqueue]:
        """What to enqueue in its transaction, the report last."""
        jobs = [
            Enqueue(job, run_at=AHEAD if isinstance(job, AskReview) else None)
            for job in self.jobs()
        ]
        return [*jobs, Enqueue(REPORT)] if self.reports else jobs


def orders(number: int = ORDERS) -> list[Order]:
    """All of them."""
    return [Order(n) for n in range(1, number + 1)]


def write_plan(connection: sqlite3.Connection, planned: list[Order]) -> None:
    """Make the shop's tables, and write down what is going to be ordered."""
    connection.executescript(TABLES)
    with transaction(connection):
        connection.executemany(
            "INSERT INTO demo_plan (number, rolled_back) VALUES (?, ?)",
            [(order.number, order.rolled_back) for order in planned],
        )
        connection.executemany(
            "INSERT INTO demo_need (number, kind) VALUES (?, ?)",
            [(order.number, kind_of(type(job))) for order in planned for job in order.jobs()],
        )
