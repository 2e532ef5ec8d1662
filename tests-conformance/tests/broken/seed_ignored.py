"""A seeded id is a random one: the same tick of a schedule enqueues twice."""

from __future__ import annotations

from goncordia.memory import MemoryDriver

SUBJECT = ("new_id", "id")


class Broken(MemoryDriver):
    def new_id(self, kind, queue, *, at=None, seed=None):
        return super().new_id(kind, queue)
