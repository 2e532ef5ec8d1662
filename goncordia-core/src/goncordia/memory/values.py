"""Values under keys, set by comparison: leadership, the cursors of schedules."""

from __future__ import annotations

from datetime import timedelta

from goncordia.answers import Cas
from goncordia.memory.moment import Moment
from goncordia.memory.table import Table, Value


def compare_and_set(
    table: Table,
    key: str,
    expected: bytes | None,
    value: bytes | None,
    ttl: timedelta | None,
    moment: Moment,
) -> Cas:
    """Set the key if it holds what is expected."""
    held = table.values.get(key)
    if held is not None and held.expire_at is not None and held.expire_at <= moment.at:
        del table.values[key]
        held = None
    current = None if held is None else held.value
    if current != expected:
        return Cas(won=False, current=current)
    if value is None:
        table.values.pop(key, None)
    else:
        table.values[key] = Value(value, None if ttl is None else moment.at + ttl)
    return Cas(won=True, current=value)
