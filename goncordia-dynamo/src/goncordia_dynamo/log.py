"""A session's log: which jobs each claim is about to take, written before it takes any.

A page of it takes no more once it is sealed, and a dead session's pages are sealed before its jobs
are looked at: so whoever takes them back finds all of them here. Entries of claims that are over go
with the page's next write.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from enum import Enum
from uuid import UUID

import msgspec
from goncordia.clock import from_micros, to_micros
from goncordia.ids import from_bytes
from goncordia.sessions import Claim

from goncordia_dynamo import keys
from goncordia_dynamo.errors import CONDITION, Refused
from goncordia_dynamo.moment import Moment
from goncordia_dynamo.pages import LIVES, alive, entry_size
from goncordia_dynamo.store import Store
from goncordia_dynamo.values import Item, Value

_TIME = 8


class Intent(msgspec.Struct):
    """What a claim was about to take."""

    first: datetime
    last: datetime
    """When the claim was sent first, and when last."""
    jobs: list[UUID]


def log_of(pages: Iterable[Item]) -> Mapping[UUID, Intent]:
    """What pages of a log hold, by the claims' tokens."""
    return {
        keys.from_hex(token): _intent(value.b or b"")
        for page in pages
        if (log := page.get("log")) is not None
        for token, value in (log.m or {}).items()
    }


def _intent(data: bytes) -> Intent:
    first, last = (int.from_bytes(data[n : n + _TIME], signed=True) for n in (0, _TIME))
    ids = [from_bytes(data[n : n + 16]) for n in range(2 * _TIME, len(data), 16)]
    return Intent(from_micros(first), from_micros(last), ids)


def _packed(first: datetime, last: datetime, jobs: Sequence[bytes]) -> Value:
    times = [to_micros(at).to_bytes(_TIME, signed=True) for at in (first, last)]
    return Value(b=b"".join([*times, *jobs]))


class Note(Enum):
    """What became of noting an intent."""

    TAKEN = "taken"
    DEAD = "dead"
    KNOWN = "known"
    """The claim's token has an entry already, or another one than was read."""


def entry_of(pages: Iterable[Item], token: UUID) -> Value | None:
    """A claim's entry as it is stored."""
    logs = (page.get("log") for page in pages)
    return next((log.m[token.hex] for log in logs if log and log.m and token.hex in log.m), None)


async def note_intent(
    store: Store, claim: Claim, names: Iterable[str], was: Value | None, moment: Moment
) -> Note:
    """Log what the claim is about to take, ids in hex, beside what `was` logged of it."""
    known = Intent(moment.now, moment.now, []) if was is None else _intent(was.b or b"")
    logged = (job.bytes for job in known.jobs)
    jobs = list(dict.fromkeys([*logged, *map(bytes.fromhex, names)]))
    entry = _packed(known.first, moment.now, jobs)
    page = store.book.page(claim.session, claim.token, entry_size(len(jobs)), moment.now)
    condition, values = "attribute_not_exists(#log.#t0)", {}
    if was is not None:
        condition, values = "#log.#t0 = :was", {":was": was}
    entries = {claim.token.hex: entry}
    try:
        await write_page(store, claim.session, page, entries, values, condition)
    except Refused as refused:
        if refused.code not in CONDITION:
            raise
        dead = refused.item is None or not alive(refused.item)
        return Note.DEAD if dead else Note.KNOWN
    return Note.TAKEN


async def write_page(
    store: Store,
    session: UUID,
    page: int,
    entries: Mapping[str, Value],
    values: Mapping[str, Value],
    condition: str = "",
    changes: Sequence[str] = (),
    *,
    tell: bool = False,
) -> Item:
    """Write log entries and other changes, and remove entries that are over.

    The page then, where it is to be told.

    Raises `Refused` where the session is dead, or the condition fails.
    """
    spent = store.book.spent(session, page)
    names = {f"#t{n}": token for n, token in enumerate(entries)}
    gone = {f"#g{n}": token.hex for n, token in enumerate(spent)}
    bound = {f":t{n}": value for n, value in enumerate(entries.values())}
    text = ", ".join([*changes, *(f"#log.#t{n} = :t{n}" for n in range(len(names)))])
    removes = ", ".join(f"#log.{name}" for name in gone)
    item = await store.table.update(
        keys.page(session, page),
        f"SET {text}" + (f" REMOVE {removes}" if removes else ""),
        {**bound, **values},
        names={**names, **gone, **({"#log": "log"} if names or gone else {})},
        condition=f"{LIVES} AND {condition}" if condition else LIVES,
        tell=tell,
    )
    store.book.removed(session, spent)
    store.saw_alive(session)
    return item


async def ask_to_stop(store: Store, session: UUID, job: UUID) -> None:
    """Let the session's next beat tell of a job that is to stop; nothing if it is dead."""
    await _stops(store, session, "ADD", [job])


async def forget_stops(store: Store, session: UUID, jobs: Iterable[UUID]) -> None:
    """These jobs don't run there any more."""
    await _stops(store, session, "DELETE", jobs)


async def _stops(store: Store, session: UUID, verb: str, jobs: Iterable[UUID]) -> None:
    names = Value(ss=[job.hex for job in jobs])
    try:
        await store.table.update(
            keys.session(session),
            f"{verb} stops :jobs",
            {":jobs": names},
            condition=LIVES,
            tell=False,
        )
    except Refused as refused:
        if refused.code not in CONDITION:
            raise
