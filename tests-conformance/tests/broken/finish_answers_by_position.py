"""Outcomes are sorted for the write, and the answers come in that order."""

from __future__ import annotations

from goncordia.memory import MemoryDriver

SUBJECT = ("finish", "transaction")


class Broken(MemoryDriver):
    async def finish(self, outcomes, *, tx=None, now=None):
        ordered = sorted(outcomes, key=lambda outcome: outcome.id)
        return await super().finish(ordered, tx=tx, now=now)
