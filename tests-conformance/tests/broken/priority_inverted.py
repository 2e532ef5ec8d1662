"""The lowest priority goes first."""

from __future__ import annotations

from goncordia.jobs import PRIORITIES
from goncordia.memory import MemoryDriver

SUBJECT = ("claim", "priority")


class Broken(MemoryDriver):
    def __init__(self):
        super().__init__()
        self.store._table._order = lowest_first


def lowest_first(job):
    return ((job.priority - PRIORITIES.start) << 192) + (job.at << 128) + job.id.int
