"""The cost of a claim in a file that keeps many finished jobs."""

from __future__ import annotations

import time
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from statistics import median

import raw_sqlite
from goncordia.ids import uuid7
from goncordia.jobs import completed
from goncordia.sessions import Claim, WorkerInfo
from goncordia_sql.sqlite import SqliteDriver, SyncSqliteDriver
from jobs import fill

SIZE = 100
CLAIMS = 20
TTL = timedelta(hours=1)

# Sixteen digits make an id, in the order of time as real ones are.
FINISHED = """
WITH RECURSIVE counted(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counted WHERE n < ?1)
INSERT INTO goncordia_job_row
    (id, kind, queue, args, version, priority, state, run_at, created_at, attempt, max_attempts,
    attempted_at, finished_at, expire_at, mark_token, mark)
SELECT CAST(printf('%016d', n) AS BLOB), 'note', 'default', ?2, 1, 0, 4, ?3 + n, ?3 + n, 1, 25,
    ?3 + n, ?3 + n, ?4 + n, CAST(printf('%016d', n / 100) AS BLOB), 0
FROM counted"""


def _make(path: Path, n: int) -> None:
    """A file with so many finished jobs, that are not to be pruned today."""
    with SyncSqliteDriver(path) as driver:
        driver.migrate()
    now = raw_sqlite.micros()
    args = raw_sqlite.rows(1)[0][3]
    with closing(raw_sqlite.connect(path)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute(FINISHED, (n, args, now, now + raw_sqlite.WEEK))


async def claim_cost(path: Path, finished: int) -> float:
    """Microseconds of a claim of 100 waiting jobs, its commit included."""
    if not path.exists():
        _make(path, finished)
    costs: list[float] = []
    async with SqliteDriver(path) as driver:
        await fill(driver, SIZE * CLAIMS)
        session = await driver.join(WorkerInfo("bench"), TTL)
        for _ in range(CLAIMS):
            started = time.perf_counter()
            claims = await driver.claim(Claim(uuid7(), session.id, {"default": SIZE}))
            costs.append(time.perf_counter() - started)
            if len(claims.jobs) != SIZE:
                raise RuntimeError(f"{len(claims.jobs)} jobs were claimed, and {SIZE} wait")
            await driver.finish([completed(job) for job in claims.jobs])
        await driver.leave(session.id)
    return median(costs) * 1e6
