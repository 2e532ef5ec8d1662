"""State and error are written by two statements, and the second one never comes."""

from __future__ import annotations

import msgspec
from goncordia.memory import MemoryDriver

SUBJECT = ("errors", "error")


class Broken(MemoryDriver):
    async def finish(self, outcomes, *, tx=None, now=None):
        outcomes = [msgspec.structs.replace(outcome, error=None) for outcome in outcomes]
        return await super().finish(outcomes, tx=tx, now=now)
