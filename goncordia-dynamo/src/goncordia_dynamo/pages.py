"""The pages of a session's log: its own item, and for a worker of many jobs others beside it.

A write bills the whole item. So a log has as many pages as its worker may have claims open, one by
one, and each stays below a unit.
"""

from __future__ import annotations

from goncordia.sessions import WorkerInfo

from goncordia_dynamo import keys
from goncordia_dynamo.book import UNIT
from goncordia_dynamo.errors import CONDITION, Refused
from goncordia_dynamo.store import Store
from goncordia_dynamo.values import Item, Value, integer, number

EXISTS = "attribute_exists(pk)"
LIVES = f"{EXISTS} AND attribute_not_exists(dead)"
"""Of a session, and of each page of its log."""
MOST = 64
"""The most pages beside the first."""


def alive(item: Item) -> bool:
    """Whether a session was not declared dead."""
    return "dead" not in item


async def open_log(store: Store, session: Item, worker: WorkerInfo) -> bool:
    """Give a new session as many pages as it needs; False where it was declared dead meanwhile.

    Nothing is written on a page before the session tells of it, and then it is sealed with it.
    """
    own = keys.id_of(session)
    page: Item = {**keys.page(own, MOST), "log": Value(m={})}
    pages = [page | keys.page(own, n + 1) for n in range(_further(session, page, worker))]
    if pages:
        await store.table.abreast(store.table.put, pages)
        try:
            told = {":pages": number(len(pages))}
            await store.table.update(keys.page(own, 0), "SET pages = :pages", told, condition=LIVES)
        except Refused as refused:
            if refused.code not in CONDITION:
                raise
            return False
    store.book.opened(own, [size_of(each) for each in (session, *pages)])
    return True


def _further(session: Item, page: Item, worker: WorkerInfo) -> int:
    """How many pages are needed where each job is claimed by itself.

    Half as many again may have ended whose outcomes are on their way.
    """
    first, each = ((UNIT - size_of(item)) // entry_size(1) for item in (session, page))
    return max(0, min(MOST, -(-(worker.concurrency * 3 // 2 - first) // each)))


def size_of(item: Item) -> int:
    """Bytes of an item with an empty log, as DynamoDB bills it, or a little more."""
    return sum(
        len(name) + len((value.s or value.n or "___").encode()) for name, value in item.items()
    )


def entry_size(jobs: int) -> int:
    """Bytes of a claim's entry, as DynamoDB bills it."""
    return 50 + 16 * jobs


async def pages_of(store: Store, session: Item) -> list[Item]:
    """All pages of a session's log, as they stand; the first is the session itself."""
    if "pages" not in session:
        return [session]
    return [session, *await store.table.query_all(keys.pages(keys.id_of(session)))]


async def seal(store: Store, session: Item) -> list[Item]:
    """The pages of a dead session's log, to which nothing is added any more."""

    async def sealed(n: int) -> list[Item]:
        key = keys.page(keys.id_of(session), n)
        told = {":dead": session["dead"]}
        try:
            return [await store.table.update(key, "SET dead = :dead", told, condition=EXISTS)]
        except Refused as refused:
            if refused.code not in CONDITION:
                raise
            return []  # somebody else took all jobs back, and removed it

    places = range(1, integer(session.get("pages")) + 1)
    return [
        session,
        *(page for found in await store.table.abreast(sealed, places) for page in found),
    ]
