"""The worker's metrics over HTTP, where they were asked for."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Never

from goncordia.driver import Driver
from goncordia.errors import InvalidArgument

if TYPE_CHECKING:
    from goncordia.telemetry import Telemetry

log = logging.getLogger("goncordia.worker")


@asynccontextmanager
async def metrics(
    driver: Driver[Never], host: str, port: int | None
) -> AsyncGenerator[list[Telemetry]]:
    """Serve them while the block runs, and what is to measure; nothing without a port.

    Raises `InvalidArgument` where the extra is missing, or the port can't be had.
    """
    if port is None:
        yield []
        return
    try:
        from goncordia.telemetry.prometheus import Prometheus
    except ModuleNotFoundError as error:
        raise InvalidArgument(f"--metrics-port: {error}") from error
    prometheus = Prometheus()
    async with prometheus.served(driver, host=host, port=port) as bound:
        log.info("metrics on http://%s:%d/metrics", f"[{host}]" if ":" in host else host, bound)
        yield [prometheus.telemetry]
