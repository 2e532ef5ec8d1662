"""`make bench-scale STORE=postgres`: what a claim costs as rows pile up, with plans and buffers.

Finished rows, then queued rows, up to ten million of each; then a transaction of somebody else's
that stays open for five minutes while jobs go through, so that no dead row can be removed. Writes a
report and lines of JSON to `bench/results/`.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import ceil
from pathlib import Path
from statistics import median
from typing import NamedTuple, cast
from uuid import uuid4

import machine
from goncordia.ids import uuid7
from goncordia.jobs import PRIORITIES
from goncordia_postgres import statements
from goncordia_postgres.floors import MARGIN
from goncordia_postgres.place import SETTINGS
from goncordia_testservers.postgres import DURABLE, PostgresServer
from loops import LOOPS
from measure import OURS
from psycopg import Connection, sql
from results import FOLDER, Line, append
from subject import Work
from subjects import goncordia_postgres, postgres_tables

SIZES = (10_000, 100_000, 1_000_000, 10_000_000)
HELD, STEP = 5.0, 30.0
"""Minutes that a transaction is open, and seconds after which claims are timed."""
ROUND = 20_000
"""Jobs that are enqueued before a pool runs them."""
CLAIMS, BATCH = 20, 100

DUE = f"""
INSERT INTO {postgres_tables.JOB} (id, kind, args)
SELECT gen_random_uuid(), 'note', '{{}}' FROM generate_series(1, %s)"""

Db = Connection[tuple[object, ...]]


class Row(NamedTuple):
    """What the table holds, or what befalls it, and what claims of 100 cost then."""

    state: str
    middle: float
    longest: float
    """Microseconds: the median, and the longest."""
    blocks: int
    note: str


@dataclass
class Report:
    """What was found, for people and for programs."""

    rows: list[Row] = field(default_factory=list[Row])
    plans: dict[str, str] = field(default_factory=dict[str, str])

    def add(self, state: str, costs: list[float], plan: str, note: str = "") -> None:
        """Note and print it."""
        row = Row(state, median(costs), max(costs), blocks(plan), note)
        self.rows.append(row)
        figures = f"{row.middle:>7.0f} us {row.longest:>7.0f} us {row.blocks:>7,}"
        print(f"{row.state:<44} {figures}  {note}", flush=True)

    def lines(self) -> Iterator[Line]:
        """For the file of results."""
        at, where = datetime.now(UTC).replace(microsecond=0), machine.description()
        for row in self.rows:
            name = f"claim 100, {row.state}"
            yield Line("postgres", OURS, name, float(f"{row.middle:.4g}"), "us", 1, at, where)
            name = f"blocks of a claim of 100, {row.state}"
            yield Line("postgres", OURS, name, float(row.blocks), "blocks", 1, at, where)

    def text(self) -> str:
        """Markdown."""
        table = [
            f"| {row.state} | {row.middle:.0f} | {row.longest:.0f} | {row.blocks:,} | {row.note} |"
            for row in self.rows
        ]
        plans = [f"## {state}\n\n```\n{plan}\n```\n" for state, plan in self.plans.items()]
        head = (
            f"# What a claim of {BATCH} costs on PostgreSQL as rows pile up\n\n"
            f"{datetime.now(UTC):%Y-%m-%d}, {machine.description()};\n"
            f"PostgreSQL 18 with {', '.join(f'{k}={v}' for k, v in DURABLE.items())}.\n"
            "Made by `make bench-scale STORE=postgres`; the plans are those of the driver's own "
            "statement. A block is one of 8 KiB that the claim looks at, in memory or not.\n"
        )
        rows = ["| state | median us | longest us | blocks | |", "|---|---|---|---|---|"]
        return "\n".join([head, *rows, *table, "", *plans])


def main() -> None:
    """Run it, and write what was found."""
    parser = argparse.ArgumentParser(description="What a claim costs as rows pile up.")
    parser.add_argument("store", choices=["postgres"])
    parser.add_argument("--rows", type=int, default=SIZES[-1], help="the most of each kind")
    parser.add_argument("--minutes", type=float, default=HELD, help="of the open transaction; 5")
    parser.add_argument("--results", type=Path, default=FOLDER, help="the folder to write to")
    options = parser.parse_args()
    options.results.mkdir(parents=True, exist_ok=True)
    sizes = [size for size in SIZES if size < options.rows] + [options.rows]
    report = Report()
    print(f"{'claim of 100, by the driver':<44} {'median':>10} {'longest':>10} {'blocks':>7}")
    with PostgresServer(DURABLE) as server, server.database() as url:
        asyncio.run(measured(url, sizes, options.minutes, report))
    append(options.results / "scale-postgres.jsonl", list(report.lines()))
    (options.results / "scale-postgres.md").write_text(report.text())


async def measured(url: str, sizes: list[int], minutes: float, report: Report) -> None:
    """All three."""
    subject = goncordia_postgres.SUBJECT(url, Work(LOOPS["asyncio"]))
    await subject.open()
    db = Db.connect(url, autocommit=True)
    try:
        for kind in ("finished", "queued"):
            before, state = 0, ""
            for size in sizes:
                stock = (0, size - before) if kind == "finished" else (size - before, 0)
                postgres_tables.stock(db, *stock)
                before = size
                state = f"{size:,} {kind}" + (f", {sizes[-1]:,} finished" * (kind == "queued"))
                report.add(state, await claimed(subject), told := plan(db))
                report.plans[kind] = f"{state}:\n{told}"
        await _under_an_open_transaction(subject, db, url, minutes, report)
    finally:
        db.close()
        await subject.close()


async def claimed(subject: goncordia_postgres.SUBJECT) -> list[float]:
    """Microseconds of each of some claims."""
    return [await subject.claim(BATCH) * 1e6 for _ in range(CLAIMS)]


async def _under_an_open_transaction(
    subject: goncordia_postgres.SUBJECT, db: Db, url: str, minutes: float, report: Report
) -> None:
    db.execute(postgres_tables.EMPTY)
    done, began, length = 0, time.perf_counter(), 60 * minutes
    with open_transaction(url):
        for step in range(1, ceil(length / STEP) + 1):
            passed = min(step * STEP, length)
            n, rate = await _work(subject, until=began + passed)
            done, costs = done + n, await claimed(subject)
            state = f"a transaction has been open for {passed:.0f} s"
            report.add(state, costs, plan(db, _floor(db)), f"{done:,} done, {rate:,.0f} jobs/s")
        report.plans["from where the last claim ended, under an open transaction"] = plan(
            db, _floor(db)
        )
        report.plans["from the head, once in a while, under an open transaction"] = plan(db)


async def _work(subject: goncordia_postgres.SUBJECT, until: float) -> tuple[int, float]:
    """Enqueue jobs and run them until then: how many, and how many a second while they ran."""
    n, ran = 0, 0.0
    while n == 0 or time.perf_counter() < until:
        subject.prepare(ROUND)
        await subject.enqueue_many(0, ROUND)
        subject.work.expect(ROUND)
        started = time.perf_counter()
        await subject.drain(BATCH, ROUND, 600)
        n, ran = n + ROUND, ran + time.perf_counter() - started
    return n, n / ran


def _floor(db: Db) -> datetime:
    """From where the driver's claims read on, when all is done."""
    [(now,)] = db.execute("SELECT statement_timestamp()")
    return cast("datetime", now) - MARGIN


@contextmanager
def open_transaction(url: str) -> Generator[None]:
    """Somebody else's, that has looked at the table and says nothing any more."""
    with Db.connect(url) as other:
        other.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        other.execute(f"SELECT count(*) FROM {postgres_tables.JOB} WHERE id IS NULL")
        yield
        other.rollback()


def blocks(plan: str) -> int:
    """How many it looks at."""
    found = re.search(r"Buffers: shared hit=(\d+)(?: read=(\d+))?", plan)
    return 0 if found is None else sum(int(each or 0) for each in found.groups())


def plan(db: Db, lowest: datetime | None = None) -> str:
    """How the server runs the driver's claim, and what it reads; nothing is claimed."""
    session, token = uuid4(), uuid7()
    floors = None if lowest is None else [lowest] * len(PRIORITIES)
    given = (session, token, ["default"], [BATCH], None, floors)
    with db.transaction(force_rollback=True):
        for name, value in SETTINGS.items():
            db.execute(sql.SQL("SET LOCAL {} = {}").format(sql.Identifier(name), str(value)))
        db.execute(
            "INSERT INTO goncordia.session (id, ttl, joined_at, beat_at, worker) "
            "VALUES (%s, 60000000, now(), now(), '')",
            (session,),
        )
        db.execute(DUE, (BATCH,))
        db.execute(f"PREPARE looked_at AS {statements.CLAIM}".encode())
        values = sql.SQL(", ").join(map(sql.Literal, given))
        text = sql.SQL("EXPLAIN (ANALYZE, BUFFERS, COSTS off, TIMING off) EXECUTE looked_at({})")
        rows = db.execute(text.format(values)).fetchall()
        db.execute("DEALLOCATE looked_at")
    return "\n".join(str(row[0]) for row in rows)


if __name__ == "__main__":
    main()
