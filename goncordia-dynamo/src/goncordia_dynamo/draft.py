"""A job that is being changed: the record, and the item that it was read from."""

from __future__ import annotations

from collections.abc import Iterator

from goncordia.jobs import Hold
from goncordia.lifecycle import ENDED

from goncordia_dynamo import keys
from goncordia_dynamo.keys import Layout
from goncordia_dynamo.record import Record, item_of, record_of
from goncordia_dynamo.values import Item, integer, number, opaque, text
from goncordia_dynamo.write import Batched, Change, Put, Remove

INLINE = 700
"""Bytes of args and meta up to which a usual job fits one write unit of 1 KB."""


class Draft:
    """Change `record`, then write what `change` or `remove` says."""

    def __init__(self, item: Item) -> None:
        self.item = item
        self.record = record_of(item)

    def change(self, layout: Layout) -> Change:
        """The write that makes the item as the record is."""
        self.record.version = integer(self.item["v"]) + 1
        return Change(self.item, item_of(self.record, layout))

    def remove(self) -> Remove:
        """The write that removes the job."""
        return Remove(self.item)


def large_part(record: Record, layout: Layout) -> list[Put]:
    """What is large of a new job, to be written before it; the record then goes without."""
    job = record.job
    if len(job.args) + len(job.meta) <= INLINE:
        return []
    record.large = True
    return [Put({**_large(record, layout), "args": opaque(job.args), "meta": opaque(job.meta)})]


def ended(record: Record, layout: Layout) -> Iterator[Batched]:
    """What is to be tidied once a job's life has ended: its key is free, its large part ages."""
    if record.job.state not in ENDED:
        return
    unique = record.job.unique
    if unique is not None and unique.hold is Hold.LIVE:
        yield Remove(_taken(record), ("take",))
    elif unique is not None and unique.hold is Hold.KEPT:
        old = _taken(record)
        yield Change(old, {**old, "ttl": number(record.ttl)}, ("take",))
    if record.large:
        old = _large(record, layout)
        yield Change(old, {**old, "ttl": number(record.ttl)})


def gone(record: Record, layout: Layout) -> Iterator[Batched]:
    """What is to be tidied once a job was removed."""
    unique = record.job.unique
    if unique is not None and unique.hold is not Hold.FOREVER:
        yield Remove(_taken(record), ("take",))
    if record.large:
        yield Remove(_large(record, layout))


def revived(record: Record, layout: Layout) -> Iterator[Batched]:
    """What has to be written together with an ended job's new life."""
    if record.large:
        old = _large(record, layout)
        yield Change({**old, "ttl": number(0)}, old)


def _taken(record: Record) -> Item:
    unique = record.job.unique
    if unique is None:
        raise ValueError("the job has no unique key")
    return {**keys.guard(unique.key), "take": text(record.take)}


def _large(record: Record, layout: Layout) -> Item:
    return {**layout.large(record.job.id), "v": number(0)}
