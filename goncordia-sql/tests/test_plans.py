"""What a statement costs is told by its plan and by SQLite's own count of instructions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from uuid import UUID

import pytest
from goncordia.answers import Filter
from goncordia.ids import uuid7
from goncordia.jobs import AttemptError, NewJob, completed, discarded
from goncordia.lifecycle import State
from goncordia.retention import Retention
from goncordia.sessions import Claim, Claims, WorkerInfo
from goncordia.statements import Op, Statement, Value
from goncordia_sql.sqlite import claim, finish, insert, query, statements, upkeep
from goncordia_sql.sqlite.env import Env
from goncordia_sql.sqlite.link import Link, Work
from goncordia_sql.sqlite.place import Place

HOT = [
    "INSERT",
    "INSERT_ALIKE",
    "INSERT_RICH",
    "LAST_SEQ",
    "CREATED",
    "EXISTS",
    "HOLDER",
    "LOOK",
    "TAKE_READY",
    "TAKE_DUE",
    "HELD",
    "ALIVE",
    "COMPLETE",
    "MARKS",
    "RECORD",
    "WRITE",
    "KEEP_KEYS",
    "KEEP_QUEUES",
    "REMOVE",
    "JOIN",
    "BEAT",
    "LEAVE",
    "HOLDING",
    "SESSIONS",
    "ANY_LOST",
    "DECLARE_DEAD",
    "LOST",
    "BURY",
    "EXPIRED",
    "GET",
    "VALUE",
    "REPLACE_VALUE",
    "SET_VALUE",
    "UNSET_VALUE",
    "PAUSE",
    "RESUME",
    "ARRIVED",
]
COUNTING = ["STATS", "KINDS", "QUEUES"]
TEMPLATES = {"PAGE", "CLAIMED", "JOB"}


@pytest.fixture
def link(path: str) -> Iterator[Link]:
    place = Place(path, synchronous="NORMAL", busy_timeout=5, retention=Retention())
    place.open()
    link = Link(place)
    link.open()
    yield link
    link.close()
    place.close()


def run(link: Link, make):
    work = Work(make)
    link.write([work])
    return work.answer()


def fill(link: Link, n: int, **options) -> None:
    jobs = [NewJob(uuid7(), "k", b"{}", **options) for _ in range(n)]
    run(link, partial(insert.insert, jobs=jobs))


def take(link: Link, n: int) -> Claims:
    session = run(link, partial(upkeep.join, worker=WorkerInfo("w"), ttl=timedelta(minutes=1)))
    request = Claim(uuid7(), session.id, {"default": n})
    return run(link, partial(claim.claim, claim=request))


def done(link: Link, n: int) -> None:
    outcomes = [completed(job) for job in take(link, n).jobs]
    run(link, partial(finish.finish, outcomes=outcomes))


def plan(link: Link, name: str) -> list[str]:
    text = getattr(statements, name)
    numbered = [int(n) for n in re.findall(r"\?(\d+)", text)]
    params = (None,) * (max(numbered) if numbered else text.count("?"))
    return [row[3] for row in link._open().execute(f"EXPLAIN QUERY PLAN {text}", params)]


def test_every_statement_is_looked_at() -> None:
    all_of_them = {n for n in vars(statements) if n.isupper() and not n.startswith("_")}
    texts = {n for n in all_of_them if isinstance(getattr(statements, n), str)}
    conditions = {"OF_KINDS", "OF_QUEUES", "TAGGED", "BEFORE"}
    assert texts == {*HOT, *COUNTING, *TEMPLATES, *conditions}


@pytest.mark.parametrize("analyzed", [False, True], ids=["empty", "analyzed"])
@pytest.mark.parametrize("name", HOT)
def test_no_statement_scans_the_jobs(link: Link, name: str, analyzed: bool) -> None:
    if analyzed:
        fill(link, 200)
        done(link, 100)
        link._open().execute("ANALYZE")
    steps = plan(link, name)
    assert not [step for step in steps if "SCAN goncordia_job_row" in step]
    sorts = [step for step in steps if "ORDER BY" in step]
    assert not sorts or name in ("TAKE_DUE", "SESSIONS"), "which sort what is wanted, no more"


@pytest.mark.parametrize("name", COUNTING)
def test_counts_read_an_index(link: Link, name: str) -> None:
    scans = [step for step in plan(link, name) if "SCAN goncordia_job_row" in step]
    assert all(" USING " in scan for scan in scans)
    if name != "KINDS":
        assert not [scan for scan in scans if "COVERING" not in scan and "running" not in scan]


@pytest.mark.parametrize("state", [State.AVAILABLE, State.SCHEDULED], ids=str)
def test_the_oldest_is_found_by_jumps(link: Link, state: State) -> None:
    ready = ("goncordia_ready", "state = 0")
    index, where = ready if state is State.AVAILABLE else ("goncordia_dormant", "state IN (1, 2)")
    text = (
        f"SELECT {statements.oldest(index, where)}, ?1 FROM (SELECT 'default' AS queue) AS counted"
    )
    told = [row[3] for row in link._open().execute(f"EXPLAIN QUERY PLAN {text}", (None, 0))]
    [look] = [step for step in told if "goncordia_job_row" in step]
    assert look.startswith(f"SEARCH goncordia_job_row USING COVERING INDEX {index} (queue=?")
    assert look.endswith("priority=? AND run_at<?)")

    def oldest(env: Env) -> Op[Value]:
        return (yield Statement(text, ("[]", env.now + 60_000_000))).rows[0][0]

    options = {} if state is State.AVAILABLE else {"run_at": timedelta(seconds=30)}
    fill(link, 20, **options)
    first, small = run(link, oldest), steps(link, oldest)
    fill(link, 3000, **options)
    assert run(link, oldest) == first
    assert steps(link, oldest) <= 1.05 * small


@pytest.mark.parametrize("queues", [(), ("default",), ("default", "rare")])
@pytest.mark.parametrize("states", [{state} for state in State] + [set(State)], ids=str)
def test_candidates_are_read_from_indexes(
    link: Link, states: set[State], queues: tuple[str, ...]
) -> None:
    text, n = statements.candidates(states, queues=bool(queues))
    plan = link._open().execute(f"EXPLAIN QUERY PLAN {text}", ("[]",) * n)
    looks = [row[3] for row in plan if "goncordia_job_row" in row[3]]
    assert looks
    assert all(" USING " in look and "INDEX goncordia_" in look for look in looks)
    scans = [look for look in looks if look.startswith("SCAN")]
    assert all("goncordia_running" in scan for scan in scans)


@pytest.mark.parametrize(
    "where",
    [
        Filter(states=(State.DISCARDED,)),
        Filter(states=(State.AVAILABLE,), queues=("rare",)),
        Filter(states=(State.AVAILABLE, State.RUNNING, State.CANCELLED), queues=("rare", "none")),
    ],
    ids=str,
)
def test_a_page_of_few_costs_the_same_whatever_lies_about(link: Link, where: Filter) -> None:
    """They lie before all others, where a page in the order of ids would come last."""
    fill(link, 20, queue="rare")
    fill(link, 20)
    [*jobs] = take(link, 20).jobs
    error = AttemptError(1, jobs[0].run_at, "ValueError", "no")
    run(link, partial(finish.finish, outcomes=[discarded(job, error) for job in jobs]))
    look = partial(query.page, where=where, cursor=None, limit=10)
    small = steps(link, look)
    fill(link, 3000)
    done(link, 2000)
    large = steps(link, look)
    assert len(run(link, look).rows) == 10
    assert large <= 1.1 * small


@pytest.mark.parametrize("n", [statements.FEW, statements.FEW + 1])
def test_few_and_many_are_listed_alike(link: Link, n: int) -> None:
    fill(link, n - 1)
    fill(link, 1, queue="rare")
    where, ids, cursor = Filter(states=(State.AVAILABLE,)), list[UUID](), None
    while True:
        page = run(link, partial(query.page, where=where, cursor=cursor, limit=400))
        ids += [row.id for row in page.rows]
        cursor = page.cursor
        if cursor is None:
            break
    assert len(ids) == n
    assert ids == sorted(set(ids), reverse=True)


def steps(link: Link, make) -> int:
    """SQLite's instructions for an operation."""
    count = 0

    def step() -> None:
        nonlocal count
        count += 1

    link._open().set_progress_handler(step, 1)
    run(link, make)
    link._open().set_progress_handler(None, 0)
    return count


def cost(link: Link) -> tuple[int, int]:
    """Of a claim of ten jobs, and of their finish."""
    session = run(link, partial(upkeep.join, worker=WorkerInfo("w"), ttl=timedelta(minutes=1)))
    request = Claim(uuid7(), session.id, {"default": 10})
    claiming = steps(link, partial(claim.claim, claim=request))
    again = Claim(request.token, session.id, {}, resend=True)
    held = run(link, partial(claim.claim, claim=again)).jobs
    assert len(held) == 10
    finishing = steps(link, partial(finish.finish, outcomes=[completed(job) for job in held]))
    return claiming, finishing


@pytest.mark.parametrize("how", ["finished", "queued", "far ahead", "elsewhere"])
def test_a_claim_costs_the_same_whatever_lies_about(link: Link, how: str) -> None:
    fill(link, 100)
    fill(link, 1, run_at=timedelta(days=365), priority=9)
    small = cost(link)
    if how == "finished":
        fill(link, 3000, priority=15)
        done(link, 3000)
    elif how == "queued":
        fill(link, 3000)
    elif how == "far ahead":
        fill(link, 3000, run_at=timedelta(days=365), priority=9)
    else:
        fill(link, 3000, queue="elsewhere")
    large = cost(link)
    assert large[0] <= 1.05 * small[0]
    assert large[1] <= 1.05 * small[1]
