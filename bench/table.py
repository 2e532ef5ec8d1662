"""The bench's table: a row a measure, a column a subject, with median and spread."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median

from measure import OURS, RAW
from measures import MICROS, MILLIS, RATE

CELL, NAME = 17, 26
GAP = "-"


def head(subjects: Sequence[str]) -> str:
    """The titles."""
    ratios = (f"{OURS}/{RAW}", f"{OURS}/best peer") if OURS in subjects else ()
    return " ".join([f"{'':<{NAME}}", *(f"{name:>{CELL}}" for name in (*subjects, *ratios))])


def row(measure: str, unit: str, subjects: Sequence[str], found: Mapping[str, list[float]]) -> str:
    """A measure's line; a gap where a subject has no such thing."""
    cells = [cell(found.get(subject, []), unit) for subject in subjects]
    if OURS in subjects:
        cells += [times(against_raw(found)), times(against_best(found, unit))]
    return " ".join([f"{measure:<{NAME}}", *(f"{text:>{CELL}}" for text in cells)])


def cell(values: Sequence[float], unit: str) -> str:
    """Median, and half of the way from the least to the most, as a share of it."""
    if not values:
        return GAP
    return f"{figure(median(values), unit)} ±{spread(values):.0%}"


def spread(values: Sequence[float]) -> float:
    """Half of the distance of the outer ones, as a share of the median."""
    middle = median(values)
    return (max(values) - min(values)) / 2 / middle if middle else 0.0


def figure(value: float, unit: str) -> str:
    """As short as it may be."""
    if value >= 10_000 and unit == MICROS:
        value, unit = value / 1000, MILLIS
    if value >= 10_000:
        return f"{value / 1000:.1f} k{unit}".replace("jobs", "")
    digits = 0 if value >= 100 else 1 if value >= 10 else 2
    return f"{value:.{digits}f} {unit}".replace(" jobs/s", " /s")


def times(ratio: float | None) -> str:
    """A ratio for people."""
    return "" if ratio is None else f"{ratio:.2f}x"


def against_raw(found: Mapping[str, list[float]]) -> float | None:
    """Ours as a multiple of raw's."""
    ours, raw = found.get(OURS), found.get(RAW)
    return median(ours) / median(raw) if ours and raw and median(raw) else None


def against_best(found: Mapping[str, list[float]], unit: str) -> float | None:
    """Ours as a multiple of the best peer's: the highest rate, or the least of all else."""
    peers = [median(v) for name, v in found.items() if v and name not in (OURS, RAW)]
    ours = found.get(OURS)
    if not peers or not ours:
        return None
    best = max(peers) if unit == RATE else min(peers)
    return median(ours) / best if best else None
