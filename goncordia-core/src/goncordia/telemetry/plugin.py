"""`GONCORDIA_PLUGINS=otel`: telemetry by the global providers, as the application sets them up."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from goncordia.hookspecs import hookimpl
from goncordia.middleware import Enqueuing, Middleware
from goncordia.telemetry.telemetry import Telemetry


@hookimpl
def goncordia_middleware() -> Iterable[Middleware]:
    """A span and metrics of each attempt."""
    return [_telemetry().middleware]


@hookimpl
def goncordia_enqueuing() -> Iterable[Enqueuing]:
    """A span of each insert."""
    return [_telemetry().enqueuing]


@cache
def _telemetry() -> Telemetry:
    return Telemetry()
