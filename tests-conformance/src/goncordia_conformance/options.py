"""Which profile and which seed: by pytest's options, else by the environment, else by chance."""

from __future__ import annotations

import os
import random

import pytest

from goncordia_conformance.search import PROFILES, Profile

PROFILE, SEED = "--goncordia-profile", "--goncordia-seed"
REPORT = "--goncordia-report"


def add_options(parser: pytest.Parser) -> None:
    """Make them known to pytest."""
    group = parser.getgroup("goncordia", "goncordia conformance")
    group.addoption(
        PROFILE,
        choices=sorted(PROFILES),
        default=os.environ.get("GONCORDIA_PROFILE", "quick"),
        help="how hard the state machine looks (default: $GONCORDIA_PROFILE, or quick)",
    )
    group.addoption(
        SEED,
        type=int,
        default=os.environ.get("GONCORDIA_SEED"),
        help="where it begins: the same seed gives the same steps (default: by chance, printed)",
    )
    group.addoption(
        REPORT,
        nargs="?",
        const="goncordia-report",
        metavar="DIR",
        help="write what each driver promises and keeps, as text, JSON and Markdown, into DIR",
    )


def chosen(config: pytest.Config) -> tuple[Profile, int]:
    """The profile, and the first seed."""
    seed: int | None = config.getoption(SEED)
    name = str(config.getoption(PROFILE))
    return PROFILES[name], random.randrange(1_000_000) if seed is None else seed
