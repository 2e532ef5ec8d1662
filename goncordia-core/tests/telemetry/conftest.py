"""The real SDK, with exporters that keep what they are given."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from goncordia import Args, Client, Registry, SyncClient, memory, worker_pool
from goncordia.telemetry import Telemetry
from goncordia.testing import MockClock
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter


class Mail(Args, kind="mail"):
    to: str = ""


class Text(Args, kind="text"):
    phone: str = ""


class Rig:
    """A store in memory, a client and pools that are measured, and what was told."""

    def __init__(self, **options: Any) -> None:
        self.clock = MockClock()
        self.exporter = InMemorySpanExporter()
        self.tracers = TracerProvider(shutdown_on_exit=False)
        self.tracers.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.reader = InMemoryMetricReader()
        self.meters = MeterProvider(metric_readers=[self.reader], shutdown_on_exit=False)
        self.telemetry = Telemetry(
            tracer_provider=self.tracers, meter_provider=self.meters, clock=self.clock, **options
        )
        self.driver = memory.MemoryDriver()
        layers = [self.telemetry.enqueuing]
        self.client = Client(self.driver, clock=self.clock, enqueuing=layers)
        self.sync_client = SyncClient(self.driver.sync(), clock=self.clock, enqueuing=layers)
        self.jobs = Registry()

    def pool(self, **options: Any) -> Any:
        layers = [self.telemetry.enqueuing]
        return worker_pool(
            self.driver,
            self.jobs,
            clock=self.clock,
            middleware=[self.telemetry.middleware],
            enqueuing=layers,
            **options,
        )

    async def run(self) -> None:
        """What is due."""
        async with self.pool() as pool:
            await pool.idle()

    def spans(self, name: str) -> list[ReadableSpan]:
        return [span for span in self.exporter.get_finished_spans() if span.name == name]

    def points(self, name: str) -> list[Any]:
        """The data points of an instrument."""
        data = self.reader.get_metrics_data()
        return [
            point
            for resource in (data.resource_metrics if data else ())
            for scope in resource.scope_metrics
            for metric in scope.metrics
            if metric.name == name
            for point in metric.data.data_points
        ]


@pytest.fixture
def rig() -> Rig:
    return Rig()


@pytest.fixture
def make() -> Callable[..., Rig]:
    return Rig
