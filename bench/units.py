"""What each operation costs on DynamoDB, in units, from the capacity that the server says it took.

The local server tells no costs of PartiQL: the proxy of `testservers/` executes each statement as
the single write that it is, and bills a read that finds nothing as AWS does.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from datetime import timedelta
from uuid import uuid4

import anyio
from goncordia.ids import uuid7
from goncordia.jobs import AttemptError, ClaimedJob, NewJob, UniqueKey, completed, failed
from goncordia.sessions import Claim, Session, WorkerInfo
from goncordia_dynamo import DynamoDriver
from goncordia_testservers.dynamo_proxy import DynamoProxy

ARGS = b'{"text":"%s"}' % (b"x" * 640)
"""With what a job has besides, somewhat below 1 KB."""
MINUTE = timedelta(minutes=1)
Step = Callable[[], Awaitable[int]]


class Life:
    """Jobs through their lives; each step tells how many it was about."""

    def __init__(self, driver: DynamoDriver, session: Session, n: int) -> None:
        self.driver, self.session, self.n = driver, session, n
        self.held: list[ClaimedJob] = []

    def jobs(self, unique: bool = False) -> list[NewJob]:
        key = [UniqueKey(uuid4().bytes * 2) if unique else None for _ in range(self.n)]
        new = self.driver.new_id
        return [NewJob(new("k", "q"), "k", ARGS, queue="q", unique=each) for each in key]

    async def enqueue(self) -> int:
        return len(await self.driver.insert(self.jobs()))

    async def enqueue_unique(self) -> int:
        return len(await self.driver.insert(self.jobs(unique=True)))

    async def enqueue_tx(self) -> int:
        async with self.driver.begin() as tx:
            return len(await self.driver.insert(self.jobs(), tx=tx))

    async def claim(self) -> int:
        claim = Claim(uuid7(), self.session.id, {"q": self.n})
        self.held = (await self.driver.claim(claim)).jobs
        return len(self.held)

    async def complete(self) -> int:
        return len(await self.driver.finish([completed(job) for job in self.held]))

    async def fail(self) -> int:
        error = AttemptError(1, self.held[0].created_at, "ValueError", "no", "line 1\n" * 40)
        return len(await self.driver.finish([failed(j, error, timedelta(0)) for j in self.held]))

    async def beat(self) -> int:
        await self.driver.beat(self.session.id, [job.token for job in self.held])
        return 1

    async def look(self) -> int:
        await self.driver.claim(Claim(uuid7(), self.session.id, {"q": self.n}))
        return 1


async def measured(proxy: DynamoProxy, n: int) -> list[list[str]]:
    """Write and read units of each step, each once before it is billed."""
    driver = DynamoDriver(
        f"units{uuid4().hex}",
        region="local",
        endpoint=proxy.endpoint,
        lag=timedelta(hours=1),
    )
    async with driver:
        await driver.migrate()
        life = Life(driver, await driver.join(WorkerInfo("bench", concurrency=n), MINUTE), n)
        steps: list[tuple[str, Step]] = [
            ("enqueue", life.enqueue),
            ("claim", life.claim),
            ("beat, all held", life.beat),
            ("complete", life.complete),
            ("enqueue unique", life.enqueue_unique),
            ("claim", life.claim),
            ("fail, try again", life.fail),
            ("claim", life.claim),
            ("complete", life.complete),
            ("look at an empty queue", life.look),
        ]
        if n <= 90:
            steps.append(("enqueue tx", life.enqueue_tx))
        for _, step in steps:
            await step()
        await life.claim()
        await life.complete()
        return [[f"{name}, {n} at once", *await _billed(proxy, step)] for name, step in steps]


async def _billed(proxy: DynamoProxy, step: Step) -> list[str]:
    before = proxy.units("write units"), proxy.units("read units")
    number = await step()
    after = proxy.units("write units"), proxy.units("read units")
    return [f"{(b - a) / number:.2f}" for a, b in zip(before, after, strict=True)]


def costs(endpoint: str) -> str:
    """The table, of the server at that endpoint."""
    os.environ.update({"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"})
    with DynamoProxy(endpoint) as proxy:
        proxy.billing = True
        rows = [row for n in (1, 100) for row in anyio.run(measured, proxy, n)]
    width = max(len(row[0]) for row in rows)
    lines = [f"{name:{width}}  {writes:>6}  {reads:>6}" for name, writes, reads in rows]
    title = "Units for each job (beat and look: for each), of a job of somewhat less than 1 KB"
    return "\n".join([title, "", f"{'':{width}}  {'write':>6}  {'read':>6}", *lines])
