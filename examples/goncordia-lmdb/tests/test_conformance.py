from tempfile import TemporaryDirectory

from goncordia_conformance import DriverSuite
from goncordia_lmdb import LmdbDriver


class TestLmdb(DriverSuite[LmdbDriver]):
    async def open_driver(self):
        with TemporaryDirectory() as folder:
            async with LmdbDriver(folder, sync=False, patience=0.5) as driver:
                await driver.migrate()
                yield driver

    def begin(self, driver: LmdbDriver):
        return driver.begin()
