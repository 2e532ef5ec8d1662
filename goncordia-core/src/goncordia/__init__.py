"""A structured-concurrency job queue for the database you already have.

The names of everyday use. Errors are in `goncordia.errors`; driver authors start from
`goncordia.driver` and `goncordia.hookspecs`.
"""

from goncordia.actions import Acted
from goncordia.answers import Count, Insertion, Page, Progress, Queue
from goncordia.args import Args
from goncordia.capabilities import Capabilities
from goncordia.client import Client
from goncordia.cron import Cron
from goncordia.driver import Driver, SyncDriver
from goncordia.endings import Ended
from goncordia.enqueue import Enqueue, Enqueued
from goncordia.errors import (
    GoncordiaError,
    JobFailed,
    JobNotFound,
    TransactionConflict,
    Unavailable,
    UniqueConflict,
    WaitTimeout,
)
from goncordia.handler import Cancel, CancelReason, Discard, Job, RetryAt, Snooze
from goncordia.jobs import AttemptError, Conflict, Hold, JobRow
from goncordia.lifecycle import State
from goncordia.periodic import Overlap, Schedules
from goncordia.plugins import open_driver, open_sync_driver
from goncordia.pool import WorkerPool, worker_pool
from goncordia.reasons import Explanation
from goncordia.registry import Registry
from goncordia.retention import Retention
from goncordia.retry import Exponential, Fixed, RetryPolicy, never
from goncordia.schedule import Every, Schedule, ScheduleFunc
from goncordia.sessions import Session
from goncordia.sweep import Sweep
from goncordia.sync_client import SyncClient
from goncordia.unique import Unique

__all__ = [
    "Acted",
    "Args",
    "AttemptError",
    "Cancel",
    "CancelReason",
    "Capabilities",
    "Client",
    "Conflict",
    "Count",
    "Cron",
    "Discard",
    "Driver",
    "Ended",
    "Enqueue",
    "Enqueued",
    "Every",
    "Explanation",
    "Exponential",
    "Fixed",
    "GoncordiaError",
    "Hold",
    "Insertion",
    "Job",
    "JobFailed",
    "JobNotFound",
    "JobRow",
    "Overlap",
    "Page",
    "Progress",
    "Queue",
    "Registry",
    "Retention",
    "RetryAt",
    "RetryPolicy",
    "Schedule",
    "ScheduleFunc",
    "Schedules",
    "Session",
    "Snooze",
    "State",
    "Sweep",
    "SyncClient",
    "SyncDriver",
    "TransactionConflict",
    "Unavailable",
    "Unique",
    "UniqueConflict",
    "WaitTimeout",
    "WorkerPool",
    "never",
    "open_driver",
    "open_sync_driver",
    "worker_pool",
]
