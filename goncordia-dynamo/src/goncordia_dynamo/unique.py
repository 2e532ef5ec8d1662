"""Unique keys: who holds one, and what has to be written to take it.

A guard names the job that took its key. Whether it still holds is read from that job: so that a job
may end, expire and be removed by DynamoDB itself without anybody freeing anything. A guard that
holds no more is taken over under the condition that neither it nor its job has changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import msgspec
from goncordia.jobs import Hold, UniqueKey
from goncordia.lifecycle import LIVE

from goncordia_dynamo import keys
from goncordia_dynamo.draft import Draft
from goncordia_dynamo.record import new_take
from goncordia_dynamo.store import Store
from goncordia_dynamo.values import Item, string, text
from goncordia_dynamo.write import Change, Check, Put, Write


class Guard(msgspec.Struct):
    """A unique key's guard as it was read, and the job that it names."""

    key: UniqueKey
    item: Item | None
    holder: Draft | None
    """None: nobody, or a job that is gone."""

    @property
    def job(self) -> UUID | None:
        """The job that took the key last."""
        return None if self.item is None else UUID(hex=string(self.item["job"]))

    @property
    def held(self) -> bool:
        """Whether that job still holds it."""
        if self.item is None:
            return False
        hold = Hold(string(self.item["hold"]))
        if hold is Hold.FOREVER or self.holder is None:
            return hold is Hold.FOREVER
        return hold is Hold.KEPT or self.holder.record.job.state in LIVE

    def take(self, job: UUID) -> tuple[str, Write]:
        """A name for the taking, and the write of the guard."""
        name = new_take()
        item = {
            **keys.guard(self.key.key),
            "job": text(job.hex),
            "hold": text(self.key.hold),
            "take": text(name),
        }
        return name, Put(item) if self.item is None else Change(self.item, item, ("take",))

    def unchanged(self, store: Store) -> Sequence[Write]:
        """The condition that whoever held it does so no more."""
        if self.job is None:
            return []
        if self.holder is None:
            return [Check(store.layout.job(self.job), ())]
        return [Check(self.holder.item)]


async def read_guard(store: Store, key: UniqueKey, known: Draft | None = None) -> Guard:
    """The guard as it stands; `known` stands for its job, if it is the one."""
    item = await store.table.get(keys.guard(key.key))
    if item is None:
        return Guard(key, None, None)
    job = UUID(hex=string(item["job"]))
    if known is not None and known.record.job.id == job:
        return Guard(key, item, known)
    found = await store.table.get(store.layout.job(job))
    return Guard(key, item, None if found is None else Draft(found))
