"""The table for people, and lines of JSON for programs."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, datetime
from statistics import median

import msgspec
from measure import OURS, RAW, SHARE, Floor, Group, Values, ratio

_ROW = "{:<38} {:>9} {:>9} {:>7}   {:<31} {:>9}   {}"
_FOLD = 1000.0


class Line(msgspec.Struct):
    """A line of `bench/results`: the median of one run."""

    store: str
    subject: str
    measure: str
    value: float
    unit: str
    at: datetime


class Judged(msgspec.Struct):
    """A floor, and what it met."""

    floor: str
    value: float
    holds: bool


class Compared(msgspec.Struct):
    """A measure, for programs."""

    measure: str
    unit: str
    goncordia: float
    raw: float | None
    ratio: float | None
    floors: list[Judged]


def head() -> str:
    """The title of the table."""
    return _ROW.format("measure", "raw", "goncordia", "ratio", "floor", "is", "")


def lines(group: Group, values: Values) -> Iterator[Line]:
    """What is kept of a group."""
    at = datetime.now(UTC).replace(microsecond=0)
    for (measure, subject), found in values.items():
        store, unit = measure.split()[0], group.units[measure]
        yield Line(store, subject, measure, _round(median(found)), unit, at)


def compared(group: Group, values: Values) -> Iterator[Compared]:
    """A group's measures, their ratios and floors."""
    for measure, unit in group.units.items():
        ours, raw = values[measure, OURS], values.get((measure, RAW))
        yield Compared(
            measure,
            unit,
            _round(median(ours)),
            None if raw is None else _round(median(raw)),
            None if raw is None or unit == SHARE else _round(ratio(ours, raw)),
            [
                Judged(_floor(floor, unit), _round(floor.value(values)), floor.holds(values))
                for floor in group.floors
                if floor.measure == measure
            ],
        )


def rows(row: Compared) -> Iterator[str]:
    """A measure's line of the table, and one more for each further floor."""
    first, *others = row.floors or [None]
    figures = (_figure(row.raw, row.unit), _figure(row.goncordia, row.unit), _times(row.ratio))
    yield _ROW.format(row.measure, *figures, *_judged(first, row.unit)).rstrip()
    for floor in others:
        yield _ROW.format("", "", "", "", *_judged(floor, row.unit)).rstrip()


def _judged(floor: Judged | None, unit: str) -> tuple[str, str, str]:
    if floor is None:
        return "", "", ""
    value = _times(floor.value) if "x of " in floor.floor else _figure(floor.value, unit)
    return floor.floor, value, "holds" if floor.holds else "MISSED"


def _floor(floor: Floor, unit: str) -> str:
    sign, bound = ("<=", floor.at_most) if floor.at_most < math.inf else (">=", floor.at_least)
    if floor.of is None:
        return f"{sign} {_figure(bound, unit)}"
    measure, subject = floor.of
    return f"{sign} {bound:g}x of {subject if subject == RAW else measure}"


def _figure(value: float | None, unit: str) -> str:
    if value is None:
        return ""
    if unit == SHARE:
        return f"{value:.2f}"
    if value >= 10 * _FOLD:
        return f"{value / _FOLD:.0f} k {unit}".replace(" k jobs/s", " k/s")
    return f"{value:.{1 if value < 100 else 0}f} {unit}".replace(" jobs/s", " /s")


def _times(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}x"


def _round(value: float) -> float:
    return float(f"{value:.4g}")
