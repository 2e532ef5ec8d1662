"""The public names are what we mean: a name that comes or goes is a decision, made here too."""

from __future__ import annotations

import importlib
import inspect
import subprocess
import sys
from types import ModuleType

import pytest

PUBLIC = {
    "goncordia": """
        Acted Args AttemptError Cancel CancelReason Capabilities Client Conflict Count Cron
        Discard Driver Ended Enqueue Enqueued Every Explanation Exponential Fixed GoncordiaError
        Hold Insertion Job JobFailed JobNotFound JobRow Overlap Page Progress Queue Registry
        Retention RetryAt RetryPolicy Schedule ScheduleFunc Schedules Session Snooze State Sweep
        SyncClient SyncDriver TransactionConflict Unavailable Unique UniqueConflict WaitTimeout
        WorkerPool never open_driver open_sync_driver worker_pool
    """,
    "goncordia.telemetry": "Depths Status Telemetry",
    "goncordia.testing": """
        Drained EnqueuedJob Fault FaultKind FaultPlan FaultyDriver MockClock PlannedDriver
        SyncTracker Tracker Worked cancelled delayed doubled held lost refused reply_held work
        work_sync
    """,
    "goncordia_conformance": "Bench Case DriverSuite Opening Profile Verdict case judge",
    "goncordia_dynamo": """
        ConditionFailed Denied DynamoDriver DynamoTransaction EntryConflict Refused Throttled
        SyncDynamoDriver TransactionTooLarge Usage
    """,
    "goncordia_postgres": """
        AnyioConnection AsyncpgConnection PostgresDriver SyncPostgresDriver grants
    """,
    "goncordia_sql": "",
    "goncordia_testservers": "NotInstalled ServerFailed ServerProcess free_port",
}

ALIASES = {"Fault", "Opening", "RetryPolicy"}
"""Names of types that can't carry a docstring."""

EXTRAS = {"cyclopts", "h11", "hypothesis", "opentelemetry", "pytest", "rich", "trio"}
"""What importing the library must not import."""

NEEDED = {
    "goncordia.telemetry": {"opentelemetry"},
    "goncordia_dynamo": {"h11"},
    "goncordia_conformance": {"pytest", "hypothesis", "trio"},
}
"""But for what is made of them."""


@pytest.fixture(params=PUBLIC)
def package(request: pytest.FixtureRequest) -> ModuleType:
    return importlib.import_module(request.param)


def names(package: ModuleType) -> list[str]:
    return getattr(package, "__all__", [])


def test_they_are_those_of_the_list(package: ModuleType) -> None:
    assert sorted(names(package)) == sorted(PUBLIC[package.__name__].split())


def test_nothing_else_is_reachable_without_naming_a_module(package: ModuleType) -> None:
    reachable = {
        name
        for name, value in vars(package).items()
        if not name.startswith("_") and not inspect.ismodule(value)
    }
    assert reachable == set(names(package))


def test_each_says_what_it_is(package: ModuleType) -> None:
    silent = [
        name
        for name in names(package)
        if name not in ALIASES and not (getattr(package, name).__doc__ or "").strip()
    ]
    assert not silent


def test_so_does_each_public_method(package: ModuleType) -> None:
    silent = [
        f"{name}.{method}"
        for name in names(package)
        if inspect.isclass(cls := getattr(package, name))
        for method, value in vars(cls).items()
        if not method.startswith("_")
        and (inspect.isfunction(value) or isinstance(value, property))
        and not inspect.getdoc(value)
    ]
    assert not silent


def test_importing_them_needs_no_extra(package: ModuleType) -> None:
    code = f"import sys, {package.__name__}; print(*(m.split('.')[0] for m in sys.modules))"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert not (EXTRAS & set(loaded)) - NEEDED.get(package.__name__, set())
