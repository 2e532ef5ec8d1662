"""Inserts that meet at one unique key or at one id."""

from __future__ import annotations

from collections import Counter

from goncordia.answers import Insertion
from goncordia.jobs import Conflict
from goncordia.lifecycle import State

from goncordia_conformance.bench import Bench, key
from goncordia_conformance.case import case
from goncordia_conformance.races.crowd import CROWD, inserted, once, states, together

KEYS = 8


@case("unique", part="race")
async def of_one_key_by_many_creates_one(bench: Bench) -> None:
    """Of thirty-two inserts of one unique key at once one is created, the others name it."""
    for number in range(KEYS):
        unique = key(f"race {number}")
        jobs = [bench.new(unique=unique) for _ in range(2 * CROWD)]
        answers = await inserted(bench, jobs)
        made = [one for one, told in answers.items() if told[0] is Insertion.CREATED]
        assert len(made) == 1, f"unique: {len(made)} jobs were created under one unique key"
        others = {other for status, other in answers.values() if status is Insertion.SKIPPED}
        assert others == set(made), "unique: a skipped insert names another holder of the key"
        there = [one for one, state in (await states(bench, list(answers))).items() if state]
        assert there == made, f"unique: {len(there)} jobs are there under one unique key"


@case("unique", part="race")
async def that_replaces_by_many_leaves_one(bench: Bench) -> None:
    """Jobs that replace each other all at once leave one that waits; all others are cancelled."""
    unique = key("race", on_conflict=Conflict.REPLACE)
    jobs = [bench.new(unique=unique) for _ in range(2 * CROWD)]
    await inserted(bench, jobs)
    found = Counter((await states(bench, [job.id for job in jobs])).values())
    assert found == {State.AVAILABLE: 1, State.CANCELLED: 2 * CROWD - 1}, (
        f"unique: jobs that replaced each other are {dict(found)}"
    )


@case(part="race")
async def sent_twice_at_once_creates_one(bench: Bench) -> None:
    """The first try and its resend may be under way together: one job, and one of them made it."""
    jobs = [bench.new() for _ in range(CROWD)]
    statuses: list[Insertion] = []

    async def insert() -> None:
        statuses.extend(answer.status for answer in await bench.insert(*jobs))

    await together([insert] * 4)
    once("insert", await bench.ids())
    assert Counter(statuses) == {Insertion.CREATED: CROWD, Insertion.EXISTING: 3 * CROWD}, (
        f"insert sent four times at once answers {Counter(statuses)}"
    )
