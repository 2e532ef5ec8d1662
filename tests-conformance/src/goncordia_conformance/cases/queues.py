"""Queues and their pauses."""

from __future__ import annotations

import anyio
import pytest
from goncordia.answers import Filter, Queue, QueueChange
from goncordia.errors import InvalidArgument

from goncordia_conformance.bench import Bench
from goncordia_conformance.case import case
from goncordia_conformance.observe import listed


async def _change(bench: Bench, name: str, *, paused: bool) -> list[Queue]:
    return await bench.driver.queues(QueueChange(name, paused), now=bench.now)


@case()
async def are_known_once_used_or_paused(bench: Bench) -> None:
    """Every queue that ever had a job or a pause, by name."""
    assert await bench.driver.queues(now=bench.now) == []
    await bench.there(bench.new(queue="b"), bench.new(queue="c"))
    shown = await _change(bench, "a", paused=True)
    assert shown == [Queue("a", bench.now), Queue("b"), Queue("c")]
    assert await bench.driver.queues(now=bench.now) == shown


@case("pause_lag")
async def that_are_paused_give_nothing(bench: Bench) -> None:
    """A claim that starts after a pause, and the lag that is declared, takes nothing of it."""
    await bench.there(bench.new(queue="a"), bench.new(queue="b"))
    await _change(bench, "a", paused=True)
    assert bench.promised.pause_lag is not None
    await anyio.sleep(bench.promised.pause_lag.total_seconds())
    worker = await bench.worker()
    assert await worker.take(1, "a") == []
    assert len(await worker.take(1, "b")) == 1


@case()
async def that_are_paused_take_jobs_and_give_them_later(bench: Bench) -> None:
    """A pause stops no insert, and a resumed queue gives what waits."""
    await _change(bench, "a", paused=True)
    job = bench.new(queue="a")
    await bench.there(job)
    await _change(bench, "a", paused=False)
    worker = await bench.worker()
    assert [taken.id for taken in await worker.take(1, "a")] == [job.id]


@case()
async def that_are_paused_again_keep_their_time(bench: Bench) -> None:
    """A queue is paused since the first pause."""
    [first] = await _change(bench, "a", paused=True)
    bench.wait(5)
    assert await _change(bench, "a", paused=True) == [first]
    assert await _change(bench, "a", paused=False) == [Queue("a")]


@case()
async def have_names(bench: Bench) -> None:
    """A name that no queue can have is refused."""
    with pytest.raises(InvalidArgument, match="queue"):
        await _change(bench, "no spaces", paused=True)


@case("pause_lag=0:00:00")
async def are_told_apart_by_every_character(bench: Bench) -> None:
    """No name stands for another that is longer, in capitals, or like it to a pattern."""
    names = ("mail", "Mail", "mail_2", "mailx2", "mailer", "mail.2")
    for name in names:
        await bench.there(bench.new(queue=name))
    counts = await bench.driver.queues(now=bench.now)
    assert {queue.name for queue in counts} == set(names), "queues are taken for each other"
    for name in ("mail", "mail_2"):
        await _change(bench, name, paused=True)
    worker = await bench.worker()
    for name in names:
        where = Filter(queues=(name,))
        rows = [row.queue for row in await listed(bench.driver, where, 9, bench.now)]
        assert rows == [name], f"list takes queue {rows} for {name}"
        paused = name in ("mail", "mail_2")
        assert len(await worker.take(1, name)) == (not paused), f"claim takes {name} for another"
