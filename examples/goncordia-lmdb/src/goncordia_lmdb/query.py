"""Looking: jobs, pages, counts, kinds, queues; and values under keys, set by comparison."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from itertools import islice
from uuid import UUID

import msgspec
from goncordia.answers import Cas, Count, Filter, Page, Queue, QueueChange
from goncordia.errors import InvalidArgument
from goncordia.jobs import JobRow
from goncordia.lifecycle import State
from goncordia.options import check_queue

from goncordia_lmdb import keys
from goncordia_lmdb.claim import fallen_due
from goncordia_lmdb.table import Record, Table, encode

_record = msgspec.msgpack.Decoder(Record).decode
_queue = msgspec.msgpack.Decoder(Queue).decode
_value = msgspec.msgpack.Decoder(tuple[bytes, datetime | None]).decode


def get(table: Table, ids: Sequence[UUID]) -> list[JobRow | None]:
    """The jobs with these ids."""
    found = [table.find(each) for each in ids]
    return [None if record is None else table.shown(record) for record in found]


def page(table: Table, where: Filter, cursor: str | None, limit: int) -> Page:
    """A page, newest id first; the cursor is the last id shown."""
    if limit < 1:
        raise InvalidArgument(f"limit={limit}: use 1 or more")
    rows = (table.shown(_record(value)) for value in table.backwards("jobs", _before(cursor)))
    found = list(islice((row for row in rows if _matches(where, row)), limit + 1))
    return Page(found[:limit], found[limit - 1].id.hex if len(found) > limit else None)


def _before(cursor: str | None) -> bytes | None:
    try:
        return None if cursor is None else UUID(hex=cursor).bytes
    except ValueError as error:
        raise InvalidArgument(f"cursor={cursor!r}: use the cursor of a page") from error


def _matches(where: Filter, job: JobRow) -> bool:
    return (
        (not where.states or job.state in where.states)
        and (not where.kinds or job.kind in where.kinds)
        and (not where.queues or job.queue in where.queues)
        and set(where.tags) <= set(job.tags)
    )


def stats(table: Table, queues: Sequence[str]) -> list[Count]:
    """Kept counts, with what has fallen due counted as available."""
    counts: Counter[tuple[str, State]] = Counter()
    for name in queues or [queue.name for queue in _every_queue(table)]:
        prefix = keys.queue(name)
        for key, n in table.scan("counts", prefix):
            counts[name, State(key[len(prefix) :].decode())] = int(n)
        for _, state in fallen_due(table, name):
            counts[name, State(state.decode())] -= 1
            counts[name, State.AVAILABLE] += 1
    return [
        Count(*place, n, oldest=_oldest(table, place[0]) if place[1] is State.AVAILABLE else None)
        for place, n in sorted(counts.items())
        if n
    ]


def _oldest(table: Table, queue: str) -> datetime | None:
    """The earliest run_at that has come: of the first job of each priority, ready or dormant."""
    heads = (
        keys.run_at(place)
        for db in ("ready", "later")
        for rank in keys.RANKS
        for place, _ in islice(table.scan(db, keys.rank(queue, rank)), 1)
    )
    return min((run_at for run_at in heads if run_at <= table.now), default=None)


def kinds(table: Table, limit: int) -> list[str]:
    """Kinds among the waiting jobs."""
    return [key[1:].decode() for key, _ in islice(table.scan("counts", b"\0"), limit)]


def queues(table: Table, change: QueueChange | None) -> list[Queue]:
    """Pause or resume, then show all."""
    if change is not None:
        name = check_queue(change.name)
        old = table.read("queues", name.encode())
        since = None if old is None else _queue(old).paused_at
        new = Queue(name, (since or table.now) if change.paused else None)
        table.write("queues", name.encode(), encode(new))
    return _every_queue(table)


def _every_queue(table: Table) -> list[Queue]:
    return [_queue(value) for _, value in table.scan("queues")]


def compare_and_set(
    table: Table, key: str, expected: bytes | None, value: bytes | None, ttl: timedelta | None
) -> Cas:
    """Set the key if it holds what is expected; a hash stands for it, which is never too long."""
    place = sha256(key.encode()).digest()
    found = table.read("values", place)
    current, expire_at = (None, None) if found is None else _value(found)
    if expire_at is not None and expire_at <= table.now:
        current = None
    if current != expected:
        return Cas(won=False, current=current)
    if value is None:
        table.erase("values", place)
    else:
        table.write("values", place, encode((value, None if ttl is None else table.now + ttl)))
    return Cas(won=True, current=value)
