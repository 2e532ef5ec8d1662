"""What is used of OpenTelemetry's API; or what to install for it."""

from __future__ import annotations

try:
    from opentelemetry.context import Context, attach, detach
    from opentelemetry.metrics import (
        CallbackOptions,
        Histogram,
        Meter,
        MeterProvider,
        Observation,
        get_meter_provider,
    )
    from opentelemetry.propagate import extract, inject
    from opentelemetry.trace import (
        INVALID_SPAN,
        Link,
        NoOpTracerProvider,
        Span,
        SpanKind,
        StatusCode,
        TracerProvider,
        get_current_span,
        get_tracer,
        set_span_in_context,
    )
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        "goncordia.telemetry is an extra: pip install 'goncordia-core[otel]'", name=error.name
    ) from error

__all__ = [
    "INVALID_SPAN",
    "CallbackOptions",
    "Context",
    "Histogram",
    "Link",
    "Meter",
    "MeterProvider",
    "NoOpTracerProvider",
    "Observation",
    "Span",
    "SpanKind",
    "StatusCode",
    "TracerProvider",
    "attach",
    "detach",
    "extract",
    "get_current_span",
    "get_meter_provider",
    "get_tracer",
    "inject",
    "set_span_in_context",
]
