"""Wake-ups. By the store's own clock: what is due is due now."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import anyio
from goncordia.actions import Cancel
from goncordia.answers import QueueChange
from goncordia.sessions import Wake

from goncordia_conformance.bench import Bench
from goncordia_conformance.case import case

PATIENCE = 8.0
"""Seconds: a wake-up may be late, but a store that declares push is not silent."""


async def _heard(bench: Bench, happens: Callable[[], Awaitable[object]]) -> Wake:
    heard = Wake(0)
    async with bench.driver.listen(["a", "b"]) as wakeups:
        await happens()
        with anyio.fail_after(PATIENCE):
            while not heard:
                heard |= await wakeups.wait()
    return heard


@case("wake=push")
async def hears_of_jobs(bench: Bench) -> None:
    """An insert of a due job wakes who listens to its queue."""
    bench.tells_now = False
    assert Wake.JOBS in await _heard(bench, lambda: bench.there(bench.new(queue="b")))


@case("wake=push")
async def hears_of_cancels(bench: Bench) -> None:
    """A cancel of a running job wakes its queue's listeners."""
    bench.tells_now = False
    await bench.there(bench.new(queue="a"))
    [job] = await (await bench.worker()).take(1, "a")
    assert Wake.CANCELS in await _heard(bench, lambda: bench.act(Cancel(), job))


@case("wake=push")
async def hears_of_resumed_queues(bench: Bench) -> None:
    """A resumed queue wakes its listeners."""
    bench.tells_now = False
    await bench.driver.queues(QueueChange("a", paused=True))
    await bench.there(bench.new(queue="a"))
    change = QueueChange("a", paused=False)
    assert Wake.JOBS in await _heard(bench, lambda: bench.driver.queues(change))


@case()
async def ends_when_left(bench: Bench) -> None:
    """Leaving or cancelling a listener leaves nothing behind, and the driver as it was."""
    async with bench.driver.listen(["a"]):
        pass
    with anyio.move_on_after(0.01):
        async with bench.driver.listen(["a"]) as wakeups:
            while True:
                await wakeups.wait()
    await bench.there(bench.new(queue="a"))
