"""How many jobs are in which state, where the store counts them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from typing import Never

from goncordia.client import Client
from goncordia.errors import CapabilityMissing
from goncordia.lifecycle import State

Counts = Mapping[tuple[str, State], int]
"""By queue and state."""


async def counted(client: Client[Never], queues: Collection[str] = ()) -> Counts | None:
    """The counts, of these queues or of all; None from a store that does not count."""
    try:
        counts = await client.stats(queues)
    except CapabilityMissing:
        return None
    numbers: Counter[tuple[str, State]] = Counter()
    for count in counts:
        numbers[count.queue, count.state] += count.n
    return numbers


def total(counts: Counts | None, queue: str, *states: State) -> int | None:
    """Jobs of a queue in any of the states; None: nobody counted."""
    return None if counts is None else sum(counts.get((queue, state), 0) for state in states)


def shown(number: int | None) -> str:
    """For people: nothing for none, a question mark where nobody knows."""
    return "?" if number is None else str(number or "")
