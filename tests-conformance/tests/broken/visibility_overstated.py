"""It declares that a claim sees every insert, and a few claims pass before one does."""

from __future__ import annotations

from dataclasses import replace

from goncordia.memory import STRONG, MemoryDriver

SUBJECT = ("claim",)


class Broken(MemoryDriver):
    def __init__(self):
        super().__init__(capabilities=replace(STRONG, claim_sees="eventual"))

    @property
    def capabilities(self):
        return STRONG
