"""How many jobs are in which state, where the store counts them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Never

from goncordia.answers import Count
from goncordia.client import Client
from goncordia.errors import CapabilityMissing
from goncordia.lifecycle import State

Counts = Mapping[tuple[str, State], Count]
"""By queue and state."""


async def counted(client: Client[Never], queues: Collection[str] = ()) -> Counts | None:
    """The counts, of these queues or of all; None from a store that does not count."""
    try:
        counts = await client.stats(queues)
    except CapabilityMissing:
        return None
    return {(count.queue, count.state): count for count in counts}


def total(counts: Counts | None, queue: str, *states: State) -> int | None:
    """Jobs of a queue in any of the states; None: nobody counted."""
    if counts is None:
        return None
    return sum(counts[queue, state].n for state in states if (queue, state) in counts)


def shown(number: int | None) -> str:
    """For people: nothing for none, a question mark where nobody knows."""
    return "?" if number is None else str(number or "")
