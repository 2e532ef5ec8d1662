"""Metrics as Prometheus reads them, served by the worker itself."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Never

from goncordia.driver import Driver
from goncordia.telemetry.api import NoOpTracerProvider
from goncordia.telemetry.depths import Depths
from goncordia.telemetry.http import Page, served
from goncordia.telemetry.telemetry import Telemetry

try:
    from opentelemetry.exporter.prometheus import PrometheusMetricReader
    from opentelemetry.sdk.metrics import MeterProvider
    from prometheus_client import CollectorRegistry
    from prometheus_client.exposition import choose_encoder
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        "the metrics endpoint is an extra: pip install 'goncordia-core[prometheus]'",
        name=error.name,
    ) from error

PATH = "/metrics"


class Prometheus:
    """Telemetry whose metrics are read over HTTP; it makes no spans.

    `telemetry` is what a worker pool and clients are given, as any `Telemetry`.
    """

    def __init__(self) -> None:
        """With a registry of its own: what else the process measures is not in it."""
        self._registry = CollectorRegistry()
        reader = PrometheusMetricReader(scope_info_enabled=False, registry=self._registry)
        provider = MeterProvider(metric_readers=[reader], shutdown_on_exit=False)
        self.telemetry = Telemetry(tracer_provider=NoOpTracerProvider(), meter_provider=provider)
        """Middleware, and layers of enqueuing."""

    @asynccontextmanager
    async def served(
        self, driver: Driver[Never], *, host: str = "127.0.0.1", port: int = 9464
    ) -> AsyncGenerator[int]:
        """Answer `GET /metrics` while the block runs; the port, which is a free one for 0.

        Each time the depth of the store's queues is looked up first. Raises `InvalidArgument`
        where the port can't be had.
        """
        depths = Depths(driver, self.telemetry.meter)

        async def answer(accept: str) -> Page:
            await depths.refresh()
            encode, content_type = choose_encoder(accept)
            return Page(content_type, encode(self._registry))

        async with served(PATH, answer, host, port) as bound:
            yield bound
