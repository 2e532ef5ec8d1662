"""Jobs in the log: a line for each attempt, and whose line it is on all that a handler logs.

Never arguments, nor the messages of errors, which may quote them: what is told stands in `FIELDS`.
"""

from __future__ import annotations

import logging
import traceback
from contextvars import ContextVar
from datetime import UTC, datetime

import msgspec

from goncordia.args import Args
from goncordia.clock import Clock
from goncordia.handler import Job
from goncordia.middleware import Next
from goncordia.pool.status import Status, status_of, type_of
from goncordia.system_clock import SystemClock

log = logging.getLogger("goncordia.jobs")

FIELDS = ("job_id", "job_kind", "job_queue", "job_attempt")
"""Attributes of a log record that say which job it is about."""
ENDED = ("job_status", "job_seconds", "job_error")
"""Those of the line that says how an attempt ended."""

_LEVELS = {Status.FAILED: logging.WARNING, Status.DISCARDED: logging.ERROR}

_running: ContextVar[Job[Args] | None] = ContextVar("goncordia_running", default=None)


class JobLog:
    """Middleware: `worker_pool(..., middleware=[JobLog()])`.

    The logger is `goncordia.jobs`; the level is `INFO`, `WARNING` for a failure that is tried
    again, `ERROR` for the last one.
    """

    def __init__(self, clock: Clock | None = None) -> None:
        """The clock says for how long a handler ran."""
        self._clock = clock or SystemClock()

    async def __call__(self, job: Job[Args], call_next: Next) -> object:
        """Log how the attempt ended."""
        token = _running.set(job)
        began, status, error = self._clock.monotonic(), Status.COMPLETED, None
        try:
            return await call_next(job)
        except BaseException as raised:
            status = status_of(job, raised)
            error = type_of(job, raised) if status in _LEVELS else None
            raise
        finally:
            _tell(job, status, error, self._clock.monotonic() - began)
            _running.reset(token)


def _tell(job: Job[Args], status: Status, error: str | None, seconds: float) -> None:
    level = _LEVELS.get(status, logging.INFO)
    if not log.isEnabledFor(level):
        return
    log.log(
        level,
        "job %s of kind %s %s after %.3f s (attempt %d%s)",
        job.id,
        job.kind,
        status.value,
        seconds,
        job.attempt,
        f": {error}" if error else "",
        extra={
            **_fields(job),
            "job_status": status.value,
            "job_seconds": seconds,
            "job_error": error,
        },
    )


class JobFields(logging.Filter):
    """Marks what is logged while a handler runs with its job: `handler.addFilter(JobFields())`.

    All records then have `FIELDS`, None where no job runs; `JobLog` has to be among the pool's
    middleware. Threads that a handler starts by itself are not known.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Mark it; let it through."""
        job = _running.get()
        told = dict.fromkeys(FIELDS) if job is None else _fields(job)
        for name, value in told.items():
            if getattr(record, name, None) is None:
                setattr(record, name, value)
        return True


class JsonLines(logging.Formatter):
    """A JSON object for each record, on a line: time, level, logger, message, and the job's fields.

    A traceback is in `exception`; it is whatever the application logs with one.
    """

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        told: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        for name in (*FIELDS, *ENDED):
            value = getattr(record, name, None)
            if value is not None:
                told[name] = value
        if record.exc_info and record.exc_info[1] is not None:
            told["exception"] = "".join(traceback.format_exception(record.exc_info[1]))
        return msgspec.json.encode(told).decode()


def _fields(job: Job[Args]) -> dict[str, object]:
    return {
        "job_id": str(job.id),
        "job_kind": job.kind,
        "job_queue": job.queue,
        "job_attempt": job.attempt,
    }
