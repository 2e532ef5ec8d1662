"""Values that many set at once."""

from __future__ import annotations

from collections import Counter

from goncordia_conformance.bench import Bench
from goncordia_conformance.case import case
from goncordia_conformance.races.crowd import (
    CROWD,
    TRIES,
    together,
)

RAISES = 5
"""How often each of the crowd raises the value."""


@case(part="race")
async def by_sixteen_has_one_winner(bench: Bench) -> None:
    """Of sixteen that set a key at once one wins; of as many that count none is lost."""
    won: list[bytes] = []
    wins = Counter[str]()

    async def lead(name: bytes) -> None:
        answer = await bench.driver.compare_and_set("leader", None, name, now=bench.told)
        won.extend([name] if answer.won else [])

    async def count() -> None:
        raised = tries = 0
        current: bytes | None = None
        while raised < RAISES and tries < TRIES:
            value = b"%d" % (int(current or b"0") + 1)
            answer = await bench.driver.compare_and_set("n", current, value, now=bench.told)
            current = answer.current
            raised, tries = raised + answer.won, tries + 1
            wins["lost"] += not answer.won
        assert raised == RAISES, f"compare_and_set: {tries} tries, and {raised} of {RAISES} won"

    await together([lambda n=n: lead(b"%d" % n) for n in range(CROWD)])
    assert len(won) == 1, f"compare_and_set: {len(won)} of {CROWD} won the same key"
    await together([count] * CROWD)
    answer = await bench.driver.compare_and_set("n", b"no", b"no", now=bench.told)
    assert answer.current == b"%d" % (CROWD * RAISES), (
        f"compare_and_set: {CROWD * RAISES} were won, and the count is {answer.current!r}"
    )
    bench.figures["compare-and-sets by 16 that lost"] = wins["lost"]
