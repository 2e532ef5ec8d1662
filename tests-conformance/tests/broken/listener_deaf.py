"""A listener's connection has died unnoticed: no wake-up comes, though push is declared."""

from __future__ import annotations

from contextlib import asynccontextmanager

from goncordia.memory import MemoryDriver
from goncordia.memory.listen import Silence

SUBJECT = ("listen", "wake")


class Broken(MemoryDriver):
    @asynccontextmanager
    async def listen(self, queues):
        yield Silence()
