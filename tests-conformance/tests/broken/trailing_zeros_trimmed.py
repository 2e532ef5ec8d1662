"""Times are kept as text without their trailing zeros: `05.5Z` comes before `05Z`."""

from __future__ import annotations

from goncordia.clock import from_micros
from goncordia.memory import MemoryDriver

SUBJECT = ("claim", "order")


class Broken(MemoryDriver):
    def __init__(self, **options):
        super().__init__(**options)

        def order(job):
            text = f"{from_micros(job.at):%Y-%m-%dT%H:%M:%S.%f}".rstrip("0").rstrip(".") + "Z"
            place = int.from_bytes(text.encode().ljust(28, b"\0"))
            return ((((15 - job.priority) << 232) + place) << 128) + job.id.int

        self.store._table._order = order
