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
RACES = ("insert", "claim", "finish", "upkeep", "cas", "processes")


@cache
def catalogue() -> Mapping[str, Case]:
    """Every case by its test's name."""
    for noun in NOUNS:
        import_module(f"goncordia_conformance.cases.{noun}")
    for noun in RACES:
        import_module(f"goncordia_conformance.races.{noun}")
    if find_spec("goncordia_conformance.faults") is not None:
        import_module("goncordia_conformance.faults")
    return CASES
