"""How the free slots are split among several queues."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from heapq import heapify, heappop, heapreplace

from goncordia.jobs import ClaimedJob


class Shares:
    """Fair shares by weight for the queues that have work, a look at those that seem to have none.

    Stride scheduling: a slot goes to the queue that is least far along, and takes it along by one
    part in its weight. Of queues that always have work each gets its share of the jobs over any
    stretch of time, to within one job. Nobody saves up: whoever had no work, or was at its limit,
    goes on from where the others are.

    A queue that gave all that was asked of it is taken to have more; the others are asked for one
    job when it is their turn, so that none starves.
    """

    def __init__(self, weights: Mapping[str, int]) -> None:
        """All queues may have work."""
        self._strides = {queue: 1 / weight for queue, weight in weights.items()}
        self._along = dict.fromkeys(weights, 0.0)
        self._now = 0.0
        """How far along the queue was that got the last slot."""
        self._turns, self._turn = dict.fromkeys(weights, 0), 0
        """When each queue was asked last: those that are equally far along take turns."""
        self._hungry = set(weights)
        self._unasked = set(weights)
        self._open = set(weights)
        self._level = set(weights)
        """Queues that could have had the last slot, so that they have what is theirs."""

    def split(self, room: int, most: Callable[[str], float]) -> dict[str, int]:
        """How many to ask of each queue, `room` in all, and of none more than its `most`."""
        left = {queue: int(min(most(queue), room)) for queue in self._strides}
        if len(left) == 1:
            return left
        left = {queue: n for queue, n in left.items() if n > 0}
        self._open = set(left)
        for queue in self._strides.keys() - self._level:
            self._along[queue] = max(self._along[queue], self._now)
        wants: dict[str, int] = {}
        hungry = self._hungry & self._open
        if hungry:
            left = {queue: n if queue in hungry else 1 for queue, n in left.items()}
        else:
            self._look(self._unasked & self._open, room, left, wants)
        self._deal(room - len(wants), left, wants)
        self._level = set(left)
        return wants

    def learn(self, wants: Mapping[str, int], jobs: Sequence[ClaimedJob]) -> bool:
        """Note what came; whether every open queue has been asked since it last had work."""
        if len(self._strides) == 1:
            return len(jobs) < sum(wants.values())
        got = Counter(job.queue for job in jobs)
        for queue, number in wants.items():
            if got[queue] >= number:
                self._hungry.add(queue)
                self._unasked.add(queue)
            else:
                self._hungry.discard(queue)
                self._unasked.discard(queue)
        if self._unasked & self._open:
            return False
        self._unasked = set(self._strides)
        return True

    def _look(
        self, queues: Collection[str], room: int, left: dict[str, int], wants: dict[str, int]
    ) -> None:
        """Ask one job of each, those first that were asked longest ago; no share is charged."""
        for queue in sorted(queues, key=self._turns.__getitem__)[:room]:
            self._ask(queue, left, wants)

    def _deal(self, room: int, left: dict[str, int], wants: dict[str, int]) -> None:
        """Deal out slots, one after the other."""
        along, turns = self._along, self._turns
        line = [(along[queue], turns[queue], queue) for queue in left]
        heapify(line)
        for _ in range(min(room, sum(left.values()))):
            self._now, _, queue = line[0]
            along[queue] = self._now + self._strides[queue]
            self._ask(queue, left, wants)
            if queue in left:
                heapreplace(line, (along[queue], turns[queue], queue))
            else:
                heappop(line)

    def _ask(self, queue: str, left: dict[str, int], wants: dict[str, int]) -> None:
        wants[queue] = wants.get(queue, 0) + 1
        self._turn += 1
        self._turns[queue] = self._turn
        left[queue] -= 1
        if not left[queue]:
            del left[queue]
