"""It declares a strict order and keeps it to the second only."""

from __future__ import annotations

from dataclasses import replace

from goncordia.memory import STRONG, MemoryDriver

SUBJECT = ("claim", "order")


class Broken(MemoryDriver):
    def __init__(self):
        super().__init__(capabilities=replace(STRONG, order="window"))

    @property
    def capabilities(self):
        return STRONG
