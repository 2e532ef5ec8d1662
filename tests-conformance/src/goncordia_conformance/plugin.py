"""The pytest plugin: profile and seed by options, and the report."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import cast

import pytest

from goncordia_conformance.options import REPORT, add_options
from goncordia_conformance.report import TOLD, Sheet, as_text, write


def pytest_addoption(parser: pytest.Parser) -> None:
    """Profile, seed, report."""
    add_options(parser)


def pytest_configure(config: pytest.Config) -> None:
    """Listen to the tests where a report is wanted."""
    if config.getoption(REPORT) is not None:
        config.pluginmanager.register(Reporter(config), "goncordia-report")


class Reporter:
    """Gathers what the suites' tests tell, and writes it when all are done."""

    def __init__(self, config: pytest.Config) -> None:
        self._folder = Path(str(config.getoption(REPORT)))
        self._sheets: dict[str, Sheet] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note a test of a suite."""
        told = cast("Iterable[tuple[str, object]]", report.user_properties)
        properties = [(name, text) for name, text in told if name in TOLD]
        if report.when != "call" or not properties:
            return
        suite, _, test = report.nodeid.rpartition("::")
        sheet = self._sheets.setdefault(suite, Sheet(suite))
        sheet.add(test, report.passed, properties)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Write all, and show it."""
        for sheet in self._sheets.values():
            write(sheet, self._folder)
            terminalreporter.write_line(as_text(sheet))
        if self._sheets:
            terminalreporter.write_line(f"Reports are in {self._folder}/")
