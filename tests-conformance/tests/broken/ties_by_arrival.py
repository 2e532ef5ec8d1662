"""Jobs of one priority and run_at go in the order of their inserts, not of their ids."""

from __future__ import annotations

from itertools import count

from goncordia.memory import MemoryDriver

SUBJECT = ("claim", "order")


class Broken(MemoryDriver):
    def __init__(self, **options):
        super().__init__(**options)
        arrivals, places = count(), {}

        def order(job):
            place = places.setdefault(job.id, next(arrivals))
            rank = ((15 - job.priority) << 64) + job.at
            return (((rank << 32) + place) << 128) + job.id.int

        self.store._table._order = order
