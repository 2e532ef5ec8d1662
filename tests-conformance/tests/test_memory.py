"""Memory, certified."""

from __future__ import annotations

from goncordia.memory import MemoryDriver, Tx
from goncordia_conformance import DriverSuite, Opening


class TestMemory(DriverSuite[MemoryDriver]):
    def open_driver(self) -> MemoryDriver:
        return MemoryDriver()

    def begin(self, driver: MemoryDriver) -> Opening[Tx]:
        return driver.begin()
