"""What is large of jobs: read from the items of its own."""

from __future__ import annotations

from collections.abc import Sequence

from goncordia.jobs import ClaimedJob, JobRow

from goncordia_dynamo.store import Store
from goncordia_dynamo.values import data


async def fill(store: Store, jobs: Sequence[JobRow | ClaimedJob]) -> None:
    """Give these jobs their large arguments and meta."""
    if not jobs:
        return
    places = [store.layout.large(job.id) for job in jobs]
    for job, item in zip(jobs, await store.table.get_many(places), strict=True):
        if item is not None:
            job.args, job.meta = data(item.get("args")) or b"", data(item.get("meta")) or b""
