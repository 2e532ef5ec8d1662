"""The pytest plugin: options, the seed in the header, the report."""

from __future__ import annotations

import pytest

from goncordia_conformance.options import add_options


def pytest_addoption(parser: pytest.Parser) -> None:
    """Profile, seed, report."""
    add_options(parser)
