"""What every folder of tests shares."""

from __future__ import annotations

import os
from collections.abc import Generator

import pytest
from hypothesis import settings

CI = os.environ.get("CI") == "true"
HERE = os.environ.get("GONCORDIA_PYTHON", "")
"""`lowest` or `newest`, where `make test` runs both; else empty, and every test runs."""
PYTHON_OF = {"asyncio": "lowest", "trio": "newest"}
"""By loop, for a test that is marked `one_python` and does not say which."""

# No test judges a time. CI asks the same each time: what chance finds belongs to a desk.
settings.register_profile("goncordia", deadline=None, derandomize=CI)
settings.load_profile("goncordia")


@pytest.fixture(scope="session", params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """Both event loops."""
    return request.param


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Where `make test` runs two Pythons, leave to the other what one of them is enough for."""
    others = [item for item in items if HERE and _python(item) not in ("", HERE)]
    if others:
        config.hook.pytest_deselected(items=others)
        items[:] = [item for item in items if item not in {*others}]


def _python(item: pytest.Item) -> str:
    """On which of the two it is to run; on both, if it does not say."""
    mark = item.get_closest_marker("one_python")
    if mark is None:
        return ""
    params: dict[str, str] = getattr(getattr(item, "callspec", None), "params", {})
    loop = params.get("anyio_backend") or params.get("loop", "")
    return mark.args[0] if mark.args else PYTHON_OF.get(loop, "")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Under CI a skipped test is a failed one."""
    report = yield
    if not hasattr(report, "wasxfail"):
        _refuse_skip(report, item.nodeid)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Under CI a module that skips itself is a failed one."""
    report = yield
    _refuse_skip(report, collector.nodeid)
    return report


def _refuse_skip(report: pytest.TestReport | pytest.CollectReport, name: str) -> None:
    if report.skipped and CI:
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = (
            f"{name} was skipped, and with CI=true a skip is a failure.\n{reason}\n"
            "Give the test what it asks for, or run without CI=true."
        )
