"""Memory, certified: as it is, and in every weaker shape that it can play."""

from __future__ import annotations

from dataclasses import replace

import pytest
from goncordia.capabilities import Capabilities
from goncordia.memory import STRONG, MemoryDriver, Tx
from goncordia_conformance import DriverSuite, Opening


class Shape(DriverSuite[MemoryDriver]):
    capabilities = STRONG

    def open_driver(self) -> MemoryDriver:
        return MemoryDriver(capabilities=self.capabilities)

    def begin(self, driver: MemoryDriver) -> Opening[Tx]:
        return driver.begin()


class TestMemory(Shape):
    pass


@pytest.mark.one_python
class TestStaged(Shape):
    """Transactions whose work is decided by the commit, as on DynamoDB and Firestore."""

    capabilities = replace(STRONG, tx_insert="staged", tx_finish="staged")


@pytest.mark.one_python
class TestInsertsOnlyInTransactions(Shape):
    capabilities = replace(STRONG, tx_finish="none", tx_unique=False)


@pytest.mark.one_python
class TestVague(Shape):
    """Order within a window, counts that are rounded, inserts that claims see late."""

    capabilities = replace(
        STRONG, order="window", counts="approximate", claim_sees="eventual", pause_lag=None
    )


@pytest.mark.one_python
class TestAnyOrder(Shape):
    capabilities = replace(STRONG, order="none", counts="absent", wake="poll")


@pytest.mark.one_python
class TestWeakest(Shape):
    """What promises nothing, at its word."""

    capabilities = Capabilities()
