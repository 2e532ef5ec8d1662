"""Traces and metrics by OpenTelemetry: the extras `otel` and `prometheus`."""

from goncordia.pool.status import Status
from goncordia.telemetry.depths import Depths
from goncordia.telemetry.telemetry import Telemetry

__all__ = ["Depths", "Status", "Telemetry"]
