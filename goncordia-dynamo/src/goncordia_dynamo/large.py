"""What is large of jobs: read from the items of its own."""

from __future__ import annotations

from collections.abc import Sequence

from goncordia_dynamo.record import Record
from goncordia_dynamo.store import Store
from goncordia_dynamo.values import data


async def fill(store: Store, records: Sequence[Record]) -> list[Record]:
    """The records, with their large arguments and meta."""
    large = [record for record in records if record.large]
    if large:
        keys = [store.layout.large(record.job.id) for record in large]
        for record, item in zip(large, await store.table.get_many(keys), strict=True):
            if item is not None:
                record.job.args = data(item.get("args")) or b""
                record.job.meta = data(item.get("meta")) or b""
    return list(records)
