"""Spans and metrics of enqueuing and of running jobs."""

from __future__ import annotations

import sys
from collections.abc import Generator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from importlib.metadata import version
from typing import cast

from goncordia import codec
from goncordia.args import Args
from goncordia.clock import Clock
from goncordia.handler import Job
from goncordia.jobs import NewJob
from goncordia.middleware import Next
from goncordia.pool.status import Status, status_of, type_of
from goncordia.system_clock import SystemClock
from goncordia.telemetry import names
from goncordia.telemetry.api import (
    INVALID_SPAN,
    Context,
    Link,
    MeterProvider,
    Span,
    SpanKind,
    StatusCode,
    TracerProvider,
    attach,
    detach,
    extract,
    get_current_span,
    get_meter_provider,
    get_tracer,
    inject,
    set_span_in_context,
)
from goncordia.telemetry.instruments import Instruments

_TOLD_AS_ERRORS = (Status.FAILED, Status.DISCARDED)


class Telemetry:
    """What OpenTelemetry is told of jobs.

    `Client(driver, enqueuing=[telemetry.enqueuing])` makes a span of each insert, and lets its
    context travel in the jobs' meta. `worker_pool(..., middleware=[telemetry.middleware],
    enqueuing=[telemetry.enqueuing])` makes one of each attempt, linked to that, and the metrics.
    Arguments are in none of them.
    """

    def __init__(
        self,
        *,
        tracer_provider: TracerProvider | None = None,
        meter_provider: MeterProvider | None = None,
        exceptions: bool = False,
        clock: Clock | None = None,
    ) -> None:
        """By default with the global providers, which do nothing until the application sets some.

        `exceptions` records on spans what handlers raise, with messages and tracebacks, which may
        quote arguments; else the type alone is told. The clock says for how long jobs waited and
        ran.
        """
        meter_provider = meter_provider or get_meter_provider()
        own = version("goncordia-core")
        self._tracer = get_tracer(names.SCOPE, own, tracer_provider, names.SCHEMA_URL)
        self.meter = meter_provider.get_meter(names.SCOPE, own, names.SCHEMA_URL)
        """Makes instruments."""
        self._instruments = Instruments(self.meter)
        self._exceptions = exceptions
        self._clock = clock or SystemClock()

    # A layer of enqueuing.

    @contextmanager
    def enqueuing(self, jobs: Sequence[NewJob], tx: object) -> Generator[None]:
        """A span of an insert, whose context travels in each job."""
        with self._tracer.start_as_current_span(
            names.ENQUEUE,
            kind=SpanKind.PRODUCER,
            attributes=_enqueued(jobs, tx),
            record_exception=self._exceptions,
            set_status_on_exception=False,
        ) as span:
            carrier: dict[str, str] = {}
            inject(carrier)
            if carrier:
                for job in jobs:
                    meta = {**codec.decode_object(job.meta), names.CARRIER: carrier}
                    job.meta = codec.encode(meta, "meta", limit=sys.maxsize)  # it was checked
            try:
                yield
            except BaseException as error:
                _blame(span, type(error).__qualname__)
                raise

    # Middleware.

    async def middleware(self, job: Job[Args], call_next: Next) -> object:
        """A span of an attempt, linked to that of its enqueue, and how long it waited and ran."""
        clock, told = self._clock, self._instruments
        told.waited(job, clock.now())
        sender = _sender(job)
        with _only_its_baggage(sender), self._process(job, sender) as span:
            began, status = clock.monotonic(), Status.COMPLETED
            try:
                return await call_next(job)
            except BaseException as error:
                status = status_of(job, error)
                if status in _TOLD_AS_ERRORS:
                    _blame(span, type_of(job, error))
                raise
            finally:
                span.set_attribute(names.STATUS, status.value)
                told.ended(job, status, clock.monotonic() - began)

    def _process(self, job: Job[Args], sender: Context) -> AbstractContextManager[Span]:
        return self._tracer.start_as_current_span(
            names.PROCESS,
            kind=SpanKind.CONSUMER,
            attributes=_processed(job),
            links=_links(sender),
            record_exception=self._exceptions,
            set_status_on_exception=False,
        )


def _enqueued(jobs: Sequence[NewJob], tx: object) -> Mapping[str, str | int | bool]:
    attributes: dict[str, str | int | bool] = {
        names.SYSTEM: names.SCOPE,
        names.OPERATION_NAME: "enqueue",
        names.OPERATION_TYPE: "send",
        names.IN_TRANSACTION: tx is not None,
    }
    kinds, queues = {job.kind for job in jobs}, {job.queue for job in jobs}
    if len(kinds) == 1:
        attributes[names.KIND] = kinds.pop()
    if len(queues) == 1:
        attributes[names.QUEUE] = attributes[names.DESTINATION] = queues.pop()
    if len(jobs) == 1:
        attributes[names.ID] = attributes[names.MESSAGE_ID] = str(jobs[0].id)
    else:
        attributes[names.BATCH] = len(jobs)
    return attributes


def _processed(job: Job[Args]) -> Mapping[str, str | int]:
    return {
        names.SYSTEM: names.SCOPE,
        names.OPERATION_NAME: "process",
        names.OPERATION_TYPE: "process",
        names.DESTINATION: job.queue,
        names.MESSAGE_ID: str(job.id),
        names.KIND: job.kind,
        names.QUEUE: job.queue,
        names.ID: str(job.id),
        names.ATTEMPT: job.attempt,
    }


def _sender(job: Job[Args]) -> Context:
    """The context of the enqueue, as far as it travelled."""
    carrier = job.meta.get(names.CARRIER) if job.claim.meta else None
    if not isinstance(carrier, dict):
        return Context()
    return extract(cast("dict[str, str]", carrier), Context())


@contextmanager
def _only_its_baggage(sender: Context) -> Generator[None]:
    """A trace begins here, whatever the pool was started in; the enqueue's baggage is there."""
    token = attach(set_span_in_context(INVALID_SPAN, sender))
    try:
        yield
    finally:
        detach(token)


def _links(sender: Context) -> Sequence[Link]:
    origin = get_current_span(sender).get_span_context()
    return [Link(origin)] if origin.is_valid else []


def _blame(span: Span, error: str) -> None:
    span.set_attribute(names.ERROR_TYPE, error)
    span.set_status(StatusCode.ERROR, error)
