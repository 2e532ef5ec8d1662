"""A cancel request is on the row, and no beat tells it to the worker."""

from __future__ import annotations

from goncordia.memory import MemoryDriver
from goncordia.sessions import Beat

SUBJECT = ("beat",)


class Broken(MemoryDriver):
    async def beat(self, session, tokens, *, now=None):
        return Beat((await super().beat(session, tokens, now=now)).alive)
