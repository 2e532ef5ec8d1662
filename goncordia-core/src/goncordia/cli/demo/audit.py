"""The audit: what must be true of the file at the end, asked of it with plain SQL.

A line holds if the query for what contradicts it finds nothing, and if it speaks of something at
all: the query for how many must find at least `least`. Nothing is taken from the library's own
counters; how each kind is to end comes from `kinds.FATES`.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import NamedTuple

from goncordia.args import kind_of
from goncordia.cli.demo.kinds import (
    FATES,
    AskReview,
    Charge,
    CheckVat,
    Confirm,
    DailyReport,
    ExportBooks,
    FetchRate,
    Reserve,
)

MANY = 5
"""Jobs that must have been running when the worker was killed."""

_FATES = "CREATE TEMP TABLE fate (kind TEXT PRIMARY KEY, state TEXT, attempts INTEGER, errors TEXT)"

# A job of the killed worker was claimed once more than others of its kind, and lost that worker.
_JOBS = """
CREATE TEMP VIEW job AS
SELECT
    id, kind, state, attempt, errors,
    json_extract(args, '$.order') AS number,
    id IN (SELECT job FROM demo_killed) AS killed,
    (
        SELECT coalesce(group_concat(type), '')
        FROM (
            SELECT json_extract(e.value, '$.type') AS type
            FROM json_each(coalesce(goncordia_job.errors, '[]')) AS e
            ORDER BY e.key
        )
        WHERE type != 'WorkerLost'
    ) AS failures,
    (
        SELECT count(*) FROM json_each(coalesce(goncordia_job.errors, '[]')) AS e
        WHERE json_extract(e.value, '$.type') = 'WorkerLost'
    ) AS lost
FROM goncordia_job"""


class Line(NamedTuple):
    """One line of the audit; `{n}` in `says` is how many it speaks of."""

    says: str
    how_many: str
    contradicts: str
    least: int = 1


class Finding(NamedTuple):
    """What became of a line."""

    says: str
    offenders: list[str]

    @property
    def holds(self) -> bool:
        """Whether nothing contradicts it."""
        return not self.offenders


def _fate_of(kind: type, says: str, also: str = "") -> Line:
    """All jobs of a kind ended as `FATES` says; `also` selects what else would contradict."""
    name = kind_of(kind)
    return Line(
        says,
        f"SELECT count(*) FROM job WHERE kind = '{name}'",  # noqa: S608, a constant of ours
        f"""
        SELECT kind || ' ' || id || ': ' || job.state || ' at attempt ' || attempt
            || ', errors: ' || failures
        FROM job JOIN fate USING (kind)
        WHERE kind = '{name}' AND (
            job.state != fate.state OR attempt != attempts + killed
            OR failures != fate.errors OR lost != killed
        )
        {also and "UNION ALL " + also}""",  # noqa: S608
    )


LINES = (
    Line(
        "{n} orders committed, and every fifth was rolled back, as planned",
        "SELECT count(*) FROM demo_order",
        """
        SELECT 'order ' || plan.number || iif(rolled_back, ' is there', ' is missing')
        FROM demo_plan AS plan LEFT JOIN demo_order AS o USING (number)
        WHERE rolled_back = (o.number IS NOT NULL)
        UNION ALL
        SELECT 'order ' || number || ' was never planned' FROM demo_order
        WHERE number NOT IN (SELECT number FROM demo_plan)""",
    ),
    Line(
        "{n} jobs belong to them: every committed order has exactly its jobs",
        "SELECT count(*) FROM job WHERE number IN (SELECT number FROM demo_order)",
        """
        SELECT 'order ' || number || iif(sum(n) > 0, ' lacks ', ' has one too many: ') || kind
        FROM (
            SELECT number, kind, 1 AS n FROM demo_need JOIN demo_order USING (number)
            UNION ALL
            SELECT number, kind, -1 FROM job JOIN demo_order USING (number)
        )
        GROUP BY number, kind HAVING sum(n) != 0""",
    ),
    Line(
        "{n} orders were rolled back: not one of them has a job",
        "SELECT count(*) FROM demo_plan WHERE rolled_back",
        """
        SELECT kind || ' ' || id || ' of order ' || coalesce(number, 'none') FROM job
        WHERE kind != 'daily_report'
            AND (number IS NULL OR number NOT IN (SELECT number FROM demo_order))""",
    ),
    _fate_of(
        Charge,
        "{n} orders charged, once each: payment and completion committed together",
        """
        SELECT 'order ' || number || ': ' || (sum(n) + 1) || ' payments' FROM (
            SELECT number, -1 AS n FROM demo_order
            UNION ALL SELECT number, 1 FROM demo_payment
        )
        GROUP BY number HAVING sum(n) != 0""",
    ),
    _fate_of(Confirm, "{n} confirmations sent, by a plain function in a thread"),
    _fate_of(Reserve, "{n} reservations failed twice, then succeeded"),
    _fate_of(CheckVat, "{n} VAT checks discarded, each with its error"),
    _fate_of(
        AskReview,
        "{n} review requests ran no sooner than a second after their order",
        """
        SELECT kind || ' ' || hex(id) || ' ran too soon' FROM goncordia_job_row
        WHERE kind = 'ask_review'
            AND (run_at - created_at < 1000000 OR attempted_at < run_at)""",
    ),
    _fate_of(
        FetchRate,
        "{n} exchange rates ran into their timeout, then came",
        """
        SELECT kind || ' ' || id || ' met no timeout while it ran' FROM job
        WHERE kind = 'fetch_rate' AND NOT EXISTS (
            SELECT * FROM demo_run WHERE demo_run.job = job.id AND how = 'timeout'
        )""",
    ),
    _fate_of(
        ExportBooks,
        "{n} export cancelled while it ran",
        """
        SELECT kind || ' ' || id || ' was not stopped while it ran' FROM job
        WHERE kind = 'export_books' AND NOT EXISTS (
            SELECT * FROM demo_run WHERE demo_run.job = job.id AND how = 'requested'
        )""",
    ),
    _fate_of(
        DailyReport,
        "{n} daily report made, though many orders asked for one",
        """
        SELECT 'created by ' || total(report = 'created') || ' orders, skipped by '
            || total(report = 'skipped') || '; there are '
            || (SELECT count(*) FROM job WHERE kind = 'daily_report')
        FROM demo_order HAVING total(report = 'created') != 1 OR total(report = 'skipped') < 1
            OR (SELECT count(*) FROM job WHERE kind = 'daily_report') != 1""",
    ),
    Line(
        "{n} jobs that the killed worker ran: each shows two claims, by two processes, and one "
        "completion",
        "SELECT count(*) FROM demo_killed",
        """
        SELECT coalesce(kind, 'a job') || ' ' || killed.job || ': attempt '
            || coalesce(attempt, 0) || ', ' || coalesce(job.state, 'gone')
        FROM demo_killed AS killed
        LEFT JOIN job ON job.id = killed.job
        LEFT JOIN fate USING (kind)
        WHERE attempt IS NULL OR attempt != attempts + 1 OR lost != 1 OR job.state != fate.state
            OR (
                SELECT count(*) FROM demo_run
                WHERE demo_run.job = killed.job AND demo_run.pid != killed.pid AND how = 'done'
            ) != (fate.state = 'completed')""",
        MANY,
    ),
)


def audit(path: str) -> list[Finding]:
    """Ask the file for each line."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(_FATES)
        connection.executemany(
            "INSERT INTO fate VALUES (?, ?, ?, ?)",
            [
                (kind_of(kind), fate.state.value, fate.attempts, ",".join(fate.errors))
                for kind, fate in FATES.items()
            ],
        )
        connection.execute(_JOBS)
        return [_find(connection, line) for line in LINES]


def _find(connection: sqlite3.Connection, line: Line) -> Finding:
    (number,) = connection.execute(line.how_many).fetchone()
    offenders = [str(what) for (what,) in connection.execute(line.contradicts)]
    if number < line.least:
        offenders.append(f"there are {number}, and there must be at least {line.least}")
    return Finding(line.says.format(n=number), offenders)
