"""goncordia's memory driver: what goncordia itself costs, without any store."""

from __future__ import annotations

from typing import Never

from goncordia import Client
from goncordia.driver import Driver
from goncordia.memory import MemoryDriver

from subjects.goncordia_queue import GoncordiaQueue


class SUBJECT(GoncordiaQueue):
    settings = "in memory; client and pool on one driver"

    def driver(self) -> MemoryDriver:
        self.memory = MemoryDriver()
        return self.memory

    async def producing(self) -> Driver[Never]:
        return self.working

    async def clear(self) -> None:
        await self.close()
        await self.open()

    async def enqueue_tx(self, n: int) -> None:
        async with self.memory.begin() as tx:
            await Client(self.memory).enqueue(self.notes[n], tx=tx)
