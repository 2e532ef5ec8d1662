"""`make bench-scale STORE=postgres`: what a claim costs as rows pile up, with plans and buffers.

Finished rows, then queued rows, up to ten million of each; then a transaction of somebody else's
that stays open while jobs go through, so that no dead row can be removed. Writes a report and
lines of JSON to `bench/results/`.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from uuid import uuid4

import machine
from goncordia.ids import uuid7
from goncordia_postgres import statements
from goncordia_postgres.place import SETTINGS
from goncordia_testservers.postgres import DURABLE, PostgresServer
from loops import LOOPS
from measure import OURS
from psycopg import Connection, sql
from results import FOLDER, Line, append
from subject import Work
from subjects import goncordia_postgres, raw_postgres

SIZES = (10_000, 100_000, 1_000_000, 10_000_000)
HELD, HELD_STEP = 300_000, 50_000
"""Jobs that go through under an open transaction, and after how many a claim is timed."""
CLAIMS, BATCH = 20, 100

Db = Connection[tuple[object, ...]]


@dataclass
class Report:
    """What was found, for people and for programs."""

    rows: list[tuple[str, float, float]] = field(default_factory=list[tuple[str, float, float]])
    """A state of the table, and microseconds of a claim of 100: median and the longest."""
    plans: dict[str, str] = field(default_factory=dict[str, str])

    def add(self, state: str, costs: list[float]) -> None:
        """Note and print it."""
        self.rows.append((state, median(costs), max(costs)))
        print(f"{state:<44} {median(costs):>10.0f} us {max(costs):>10.0f} us", flush=True)

    def lines(self) -> Iterator[Line]:
        """For the file of results."""
        at, where = datetime.now(UTC).replace(microsecond=0), machine.description()
        for state, middle, _ in self.rows:
            name = f"claim 100, {state}"
            yield Line("postgres", OURS, name, float(f"{middle:.4g}"), "us", 1, at, where)

    def text(self) -> str:
        """Markdown."""
        table = [f"| {state} | {mid:.0f} | {most:.0f} |" for state, mid, most in self.rows]
        plans = [f"## {state}\n\n```\n{plan}\n```\n" for state, plan in self.plans.items()]
        head = (
            f"# What a claim of {BATCH} costs on PostgreSQL as rows pile up\n\n"
            f"{datetime.now(UTC):%Y-%m-%d}, {machine.description()};\n"
            f"PostgreSQL 18 with {', '.join(f'{k}={v}' for k, v in DURABLE.items())}.\n"
            "Made by `make bench-scale STORE=postgres`; the plans are those of the driver's own "
            "statement.\n"
        )
        rows = ["| the table holds | median us | longest us |", "|---|---|---|", *table]
        return "\n".join([head, *rows, "", *plans])


def main() -> None:
    """Run it, and write what was found."""
    parser = argparse.ArgumentParser(description="What a claim costs as rows pile up.")
    parser.add_argument("store", choices=["postgres"])
    parser.add_argument("--rows", type=int, default=SIZES[-1], help="the most of each kind")
    parser.add_argument("--held", type=int, default=HELD, help="jobs under an open transaction")
    parser.add_argument("--results", type=Path, default=FOLDER, help="the folder to write to")
    options = parser.parse_args()
    options.results.mkdir(parents=True, exist_ok=True)
    sizes = [size for size in SIZES if size < options.rows] + [options.rows]
    report = Report()
    print(f"{'claim of 100, by the driver':<44} {'median':>13} {'longest':>13}")
    with PostgresServer(DURABLE) as server, server.database() as url:
        asyncio.run(measured(url, sizes, options.held, report))
    append(options.results / "scale-postgres.jsonl", list(report.lines()))
    (options.results / "scale-postgres.md").write_text(report.text())


async def measured(url: str, sizes: list[int], held: int, report: Report) -> None:
    """All three."""
    subject = goncordia_postgres.SUBJECT(url, Work(LOOPS["asyncio"]))
    await subject.open()
    db = Db.connect(url, autocommit=True)
    try:
        for kind in ("finished", "queued"):
            before, state = 0, ""
            for size in sizes:
                stock = (0, size - before) if kind == "finished" else (size - before, 0)
                raw_postgres.stock(db, *stock)
                before = size
                state = f"{size:,} {kind}" + (f", {sizes[-1]:,} finished" * (kind == "queued"))
                report.add(state, await claimed(subject))
            report.plans[state] = plan(db)
        await _under_an_open_transaction(subject, db, url, held, report)
    finally:
        db.close()
        await subject.close()


async def claimed(subject: goncordia_postgres.SUBJECT) -> list[float]:
    """Microseconds of each of some claims."""
    return [await subject.claim(BATCH) * 1e6 for _ in range(CLAIMS)]


async def _under_an_open_transaction(
    subject: goncordia_postgres.SUBJECT, db: Db, url: str, held: int, report: Report
) -> None:
    db.execute(raw_postgres.EMPTY)
    with open_transaction(url):
        done, state = 0, ""
        while done < held:
            step = min(HELD_STEP, held - done)
            raw_postgres.stock(db, step, 0)
            subject.work.expect(step)
            started = time.perf_counter()
            await subject.drain(BATCH, step, 600)
            rate = step / (time.perf_counter() - started)
            done += step
            state = f"{done:,} done under an open transaction"
            report.add(state, await claimed(subject))
            print(f"{'':<44} a pool of {BATCH} ran {rate:,.0f} jobs/s", flush=True)
        report.plans[state] = plan(db)


@contextmanager
def open_transaction(url: str) -> Generator[None]:
    """Somebody else's, that has looked at the table and says nothing any more."""
    with Db.connect(url) as other:
        other.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        other.execute(f"SELECT count(*) FROM {raw_postgres.JOB} WHERE id IS NULL")
        yield
        other.rollback()


def plan(db: Db) -> str:
    """How the server runs the driver's claim, and what it reads; nothing is claimed."""
    session, token = uuid4(), uuid7()
    given = (session, token, ["default"], [BATCH], None, None)
    with db.transaction(force_rollback=True):
        for name, value in SETTINGS.items():
            db.execute(sql.SQL("SET LOCAL {} = {}").format(sql.Identifier(name), str(value)))
        db.execute(
            "INSERT INTO goncordia.session (id, ttl, joined_at, beat_at, worker) "
            "VALUES (%s, 60000000, now(), now(), '')",
            (session,),
        )
        db.execute(raw_postgres.STOCK, {"state": 0, "n": BATCH})
        db.execute(f"PREPARE looked_at AS {statements.CLAIM}".encode())
        values = sql.SQL(", ").join(map(sql.Literal, given))
        text = sql.SQL("EXPLAIN (ANALYZE, BUFFERS, COSTS off, TIMING off) EXECUTE looked_at({})")
        rows = db.execute(text.format(values)).fetchall()
        db.execute("DEALLOCATE looked_at")
    return "\n".join(str(row[0]) for row in rows)


if __name__ == "__main__":
    main()
