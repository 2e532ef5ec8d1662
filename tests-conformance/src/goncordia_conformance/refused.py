"""What is not declared is refused with the typed error, and nothing is written."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import cast

import pytest
from goncordia.errors import CapabilityMissing, TransactionsUnsupported
from goncordia.jobs import completed

from goncordia_conformance.bench import Bench, key
from goncordia_conformance.subject import Handle

NO_TRANSACTION = cast("Handle", object())
"""A store without transactions refuses whatever it is given."""


async def check_refused(bench: Bench, word: str) -> None:
    """The word, a capability or a capability and value, does not hold here."""
    name = word.partition("=")[0]
    with pytest.raises(CapabilityMissing) as raised:
        bench.promised.require((word,))
    assert raised.value.capability == name
    if check := REFUSALS.get(name):
        await check(bench)


async def _refuses_tx_insert(bench: Bench) -> None:
    if bench.promised.tx_insert == "staged":
        return
    job = bench.new()
    with pytest.raises(TransactionsUnsupported) as raised:
        await bench.insert(job, tx=NO_TRANSACTION)
    assert raised.value.capability == "tx_insert"
    assert await bench.ids() == []


async def _refuses_tx_finish(bench: Bench) -> None:
    if bench.promised.tx_finish == "staged":
        return  # immediate is what lacks; that it is answered staged has a case of its own
    _, job = await bench.running()
    with pytest.raises(TransactionsUnsupported) as raised:
        await bench.finish(completed(job), tx=NO_TRANSACTION)
    assert raised.value.capability == "tx_finish"
    assert await bench.state(job) == "running"


async def _refuses_unique(bench: Bench) -> None:
    with pytest.raises(CapabilityMissing) as raised:
        await bench.insert(bench.new(), bench.new(unique=key("x")))
    assert raised.value.capability == "unique"
    assert await bench.ids() == []


async def _refuses_tx_unique(bench: Bench) -> None:
    if bench.promised.tx_insert == "none":
        await _refuses_tx_insert(bench)
        return
    async with bench.begin() as tx:
        with pytest.raises(CapabilityMissing) as raised:
            await bench.insert(bench.new(unique=key("x")), tx=tx)
    assert raised.value.capability == ("tx_unique" if bench.promised.unique else "unique")
    assert await bench.ids() == []


async def _refuses_follow_up(bench: Bench) -> None:
    _, job = await bench.running()
    with pytest.raises(CapabilityMissing) as raised:
        await bench.finish(completed(job, follow_ups=[bench.new()]))
    assert raised.value.capability == "follow_up"
    assert await bench.ids() == [job.id]
    assert await bench.state(job) == "running"


async def _refuses_counts(bench: Bench) -> None:
    if bench.promised.counts == "absent":
        with pytest.raises(CapabilityMissing) as raised:
            await bench.driver.stats(now=bench.now)
        assert raised.value.capability == "counts"
        return
    await bench.there(bench.new())
    counts = await bench.driver.stats(now=bench.now)
    assert {count.how for count in counts} == {"approximate"}


REFUSALS: dict[str, Callable[[Bench], Awaitable[None]]] = {
    "tx_insert": _refuses_tx_insert,
    "tx_finish": _refuses_tx_finish,
    "tx_unique": _refuses_tx_unique,
    "unique": _refuses_unique,
    "follow_up": _refuses_follow_up,
    "counts": _refuses_counts,
}
"""Capabilities that an operation asks for; the others are words about how well it works."""
