"""Traces and metrics by OpenTelemetry: the extras `otel` and `prometheus`."""

from goncordia.telemetry.depths import Depths
from goncordia.telemetry.names import Status
from goncordia.telemetry.telemetry import Telemetry

__all__ = ["Depths", "Status", "Telemetry"]
