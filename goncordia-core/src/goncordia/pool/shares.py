"""How the free slots are split among several queues."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from goncordia.jobs import ClaimedJob


class Shares:
    """Equal shares for the queues that have work; one slot each for those that seem to have none.

    A queue that gave all that was asked of it is taken to have more. Where there are fewer slots
    than queues they take turns, so none starves.
    """

    def __init__(self, queues: Iterable[str]) -> None:
        """All queues may have work."""
        self._turns = list(queues)
        self._hungry = set(self._turns)
        self._unasked = set(self._turns)

    def split(self, room: int) -> dict[str, int]:
        """How many to ask of each queue, `room` in all."""
        turns = self._turns
        if len(turns) == 1:
            return {turns[0]: room}
        asked = turns[:room]
        self._turns = turns[len(asked) :] + asked
        wants = dict.fromkeys(asked, 1)
        hungry = [queue for queue in asked if queue in self._hungry] or asked
        share, rest = divmod(room - len(asked), len(hungry))
        for place, queue in enumerate(hungry):
            wants[queue] += share + (place < rest)
        return wants

    def learn(self, wants: Mapping[str, int], jobs: Sequence[ClaimedJob]) -> bool:
        """Note what came; whether every queue has been asked since it last had work."""
        if len(self._turns) == 1:
            return len(jobs) < sum(wants.values())
        got = Counter(job.queue for job in jobs)
        for queue, number in wants.items():
            if got[queue] >= number:
                self._hungry.add(queue)
                self._unasked.add(queue)
            else:
                self._hungry.discard(queue)
                self._unasked.discard(queue)
        if self._unasked:
            return False
        self._unasked = set(self._turns)
        return True
