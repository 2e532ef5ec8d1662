"""Values under keys, set by comparison: leadership, the cursors of schedules."""

from __future__ import annotations

from datetime import timedelta

from goncordia.answers import Cas
from goncordia.clock import to_micros

from goncordia_dynamo import keys
from goncordia_dynamo.moment import Moment
from goncordia_dynamo.record import new_take
from goncordia_dynamo.revise import TRIES, contended, pause
from goncordia_dynamo.store import Store
from goncordia_dynamo.values import Item, data, integer, number, opaque, text
from goncordia_dynamo.write import Batched, Change, Put, Remove


async def compare_and_set(
    store: Store,
    key: str,
    expected: bytes | None,
    value: bytes | None,
    ttl: timedelta | None,
    moment: Moment,
) -> Cas:
    """Set the key if it holds what is expected."""
    for attempt in range(TRIES):
        found = await store.table.get(keys.value(key))
        current = _current(found, moment)
        if current != expected:
            return Cas(won=False, current=current)
        write = _write(key, found, value, ttl, moment)
        if write is None or (await store.table.apply([write]))[0].done:
            return Cas(won=True, current=value)
        await pause(store, attempt)
    raise contended(1)


def _current(found: Item | None, moment: Moment) -> bytes | None:
    if found is None or ("keep" in found and integer(found["keep"]) <= to_micros(moment.now)):
        return None
    return data(found["value"])


def _write(
    key: str, found: Item | None, value: bytes | None, ttl: timedelta | None, moment: Moment
) -> Batched | None:
    """What sets it, if nobody has in between; None: nothing is there, and nothing is to be."""
    if value is None:
        return None if found is None else Remove(found, ("take",))
    new = {**keys.value(key), "value": opaque(value), "take": text(new_take())}
    if ttl is not None:
        new["keep"] = number(to_micros(moment.now + ttl))
    return Put(new) if found is None else Change(found, new, ("take",))
