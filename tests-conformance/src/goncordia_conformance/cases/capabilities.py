"""What a driver says of itself."""

from __future__ import annotations

from dataclasses import fields
from datetime import timedelta
from typing import get_args, get_type_hints

import pytest
from goncordia.capabilities import Capabilities
from goncordia.errors import InvalidArgument

from goncordia_conformance.bench import Bench
from goncordia_conformance.case import case


@case()
async def are_words_of_the_contract(bench: Bench) -> None:
    """Each capability has a value that its type allows."""
    types = get_type_hints(Capabilities)
    for field in fields(Capabilities):
        value, allowed = getattr(bench.promised, field.name), get_args(types[field.name])
        if field.name == "pause_lag":
            assert value is None or value >= timedelta(0)
        elif field.name == "atomic_insert":
            assert value >= 1
        else:
            assert value in (allowed or (True, False)), field.name


@case()
async def fit_each_other(bench: Bench) -> None:
    """Handles where there are transactions, keys in transactions where there are both."""
    promised = bench.promised
    transacts = (promised.tx_insert, promised.tx_finish) != ("none", "none")
    assert bool(bench.driver.handles) is transacts
    assert not promised.tx_unique or (promised.unique and promised.tx_insert != "none")
    assert bench.driver.name
    with pytest.raises(InvalidArgument):
        promised.require(("no such word",))


@case()
async def do_not_change(bench: Bench) -> None:
    """What was promised at first is promised later on."""
    before = bench.driver.capabilities
    await bench.there(bench.new())
    assert bench.driver.capabilities == before


@case()
async def come_with_habits(bench: Bench) -> None:
    """How the driver likes to be called makes sense."""
    habits = bench.driver.habits
    assert habits.batch >= 1
    assert habits.gather >= 0
    assert habits.poll > 0


@case()
async def stay_after_another_migration(bench: Bench) -> None:
    """Migrating what is up to date applies nothing and loses nothing."""
    job = bench.new()
    await bench.there(job)
    assert await bench.driver.migrate() == []
    assert await bench.ids() == [job.id]
