"""All cases, in the order of their nouns."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from importlib.util import find_spec

from goncordia_conformance.case import CASES, Case

NOUNS = (
    "insert",
    "claim",
    "finish",
    "sessions",
    "act",
    "prune",
    "listing",
    "stats",
    "queues",
    "cas",
    "listen",
    "transactions",
    "unique",
    "time",
    "capabilities",
)


@cache
def catalogue() -> Mapping[str, Case]:
    """Every case by its test's name."""
    for noun in NOUNS:
        import_module(f"goncordia_conformance.cases.{noun}")
    for part in ("races", "faults"):
        if find_spec(f"goncordia_conformance.{part}") is not None:
            import_module(f"goncordia_conformance.{part}")
    return CASES
