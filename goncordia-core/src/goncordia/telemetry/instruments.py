"""The metrics of attempts: how long jobs waited, how long they ran, how they ended."""

from __future__ import annotations

from datetime import datetime

from goncordia.args import Args
from goncordia.handler import Job
from goncordia.pool.status import Status
from goncordia.telemetry import names
from goncordia.telemetry.api import Histogram, Meter


class Instruments:
    """Histograms in seconds, and a counter."""

    def __init__(self, meter: Meter) -> None:
        """Made by that meter."""

        def histogram(name: str, description: str) -> Histogram:
            return meter.create_histogram(
                f"goncordia.job.{name}",
                unit="s",
                description=description,
                explicit_bucket_boundaries_advisory=names.SECONDS,
            )

        self._duration = histogram("duration", "How long an attempt ran.")
        self._queue_time = histogram(
            "queue_time", "From when a job was enqueued, or due if later, to its attempt."
        )
        self._schedule_lag = histogram(
            "schedule_lag", "By how much an attempt that was due at a set time came later."
        )
        self._count = meter.create_counter(
            "goncordia.job.count", unit="{attempt}", description="Attempts that have ended."
        )

    def waited(self, job: Job[Args], now: datetime) -> None:
        """An attempt begins."""
        attributes = {names.KIND: job.kind, names.QUEUE: job.queue}
        set_time = job.run_at > job.created_at
        since = job.run_at if set_time else job.created_at
        seconds = max((now - since).total_seconds(), 0.0)  # the store's clock may be ahead
        self._queue_time.record(seconds, attributes)
        if set_time:
            self._schedule_lag.record(seconds, attributes)

    def ended(self, job: Job[Args], status: Status, seconds: float) -> None:
        """It has ended."""
        attributes = {names.KIND: job.kind, names.QUEUE: job.queue, names.STATUS: status.value}
        self._duration.record(seconds, attributes)
        self._count.add(1, attributes)
