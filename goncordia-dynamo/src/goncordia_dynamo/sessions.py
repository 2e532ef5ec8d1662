"""Sessions: who works, and under which lease its jobs are held."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from datetime import timedelta
from uuid import UUID

import msgspec
from goncordia.clock import from_micros, to_micros
from goncordia.ids import uuid7
from goncordia.lifecycle import WAITING, Event
from goncordia.sessions import Beat, Session, WorkerInfo

from goncordia_dynamo import keys
from goncordia_dynamo.draft import Draft, ended
from goncordia_dynamo.errors import CONDITION, Refused
from goncordia_dynamo.log import Intent, forget_stops, log_of, write_page
from goncordia_dynamo.moment import Moment, ask
from goncordia_dynamo.pages import LIVES, alive, open_log, pages_of, seal
from goncordia_dynamo.record import Record, record_of
from goncordia_dynamo.revise import Plan, revise
from goncordia_dynamo.store import Store
from goncordia_dynamo.values import Item, Value, integer, number, string, text
from goncordia_dynamo.write import Remove, Write

GIVE_WAY = 0.1
"""Seconds in which those that chose a shard later see it, and choose another."""

_pack = msgspec.json.Encoder().encode
_worker = msgspec.json.Decoder(WorkerInfo).decode


async def join(store: Store, worker: WorkerInfo, ttl: timedelta, moment: Moment) -> Session:
    """Begin a session, whose id says which shard is its own: one that fewest others have.

    Of those that join at once and choose one shard the first keeps it, and the others choose anew.
    """
    others = await _others(store)
    while True:
        session = Session(_new_id(store, others), worker, ttl, moment.now, moment.now)
        item = _item_of(session)
        await store.table.put(item)
        others = await _others(store, session.id)
        if _excess(store, session.id, others) and _is_first(store, session.id, others):
            await store.table.caller.io.sleep(GIVE_WAY)
            others = await _others(store, session.id)
        if not _excess(store, session.id, others) and await open_log(store, item, worker):
            store.saw_alive(session.id)
            return session
        await store.table.apply([Remove(item, ("beat",))])


def _item_of(session: Session) -> Item:
    return {
        **keys.session(session.id),
        "worker": text(_pack(session.worker).decode()),
        "span": number(session.ttl // timedelta(microseconds=1)),
        "joined": number(to_micros(session.joined_at)),
        "beat": number(to_micros(session.beat_at)),
        "log": Value(m={}),
    }


async def _others(store: Store, own: UUID | None = None) -> list[UUID]:
    """The sessions that live; none, where all have one shard and it does not matter."""
    if store.layout.shards == 1:
        return []
    items = await store.table.query_all("W")
    return [each for each in map(keys.id_of, filter(alive, items)) if each != own]


def _new_id(store: Store, others: Sequence[UUID]) -> UUID:
    """Of a shard that no more workers have than any other."""
    while True:
        minted = uuid7()
        if _excess(store, minted, others) == 0:
            return minted


def _excess(store: Store, own: UUID, others: Sequence[UUID]) -> int:
    """How many more have its shard than have another one."""
    taken = Counter(map(store.layout.shard, others))
    return taken[store.layout.shard(own)] - min(taken[n] for n in range(store.layout.shards))


def _is_first(store: Store, own: UUID, others: Sequence[UUID]) -> bool:
    """Whether it was minted before all others of its shard."""
    shard = store.layout.shard
    return all(own < each for each in others if shard(each) == shard(own))


async def beat(store: Store, id: UUID, tokens: Collection[UUID], moment: Moment) -> Beat:
    """Note that it lives, and give back what it does not know it holds."""
    now = number(to_micros(moment.now))
    try:
        item = await write_page(
            store, id, 0, {}, {":beat": now}, changes=["beat = :beat"], tell=True
        )
    except Refused as refused:
        if refused.code not in CONDITION:
            raise
        store.saw_dead(id)
        return Beat(alive=False)
    await _give_back(store, id, item, frozenset(tokens), moment)
    return Beat(alive=True, cancels=await _cancels(store, id, item))


async def _give_back(
    store: Store, session: UUID, item: Item, tokens: frozenset[UUID], moment: Moment
) -> None:
    """Release what is held under tokens that the worker does not know, and was not just claimed."""
    strays = store.book.strays(session, tokens, moment.settled)
    further = any(strays.values()) or not store.book.knows(session)
    log = log_of(await pages_of(store, item) if further else [item])
    store.book.removed(session, strays.keys() - log.keys())
    unknown = {
        token: intent
        for token, intent in log.items()
        if token not in tokens and moment.settled(intent.first)
    }
    subjects = [(job, (token, intent)) for token, intent in unknown.items() for job in intent.jobs]
    kept = set(await revise(store, subjects, _Releasing(store, moment)))
    over = [t for t, intent in unknown.items() if t not in kept and moment.settled(intent.last)]
    store.book.over(session, over)


class _Releasing:
    """Decides on one job that a claim was about to take; answers the token if it is kept."""

    def __init__(self, store: Store, moment: Moment) -> None:
        self._store = store
        self._moment = moment

    async def __call__(self, found: Draft | None, claim: tuple[UUID, Intent]) -> Plan[UUID | None]:
        if found is None:
            return Plan(None)
        token, intent = claim
        if found.record.token != token:
            late = self._moment.settled(intent.last)
            return Plan(None, fenced(self._store, found) if late else [])
        if not self._moment.settled(found.record.job.attempted_at):
            return Plan(token)
        rule = ask(Event.RELEASE, found.record)
        if rule is None:
            return Plan(None)
        self._moment.step(found.record, rule)
        after = list(ended(found.record, self._store.layout))
        return Plan(None, [found.change(self._store.layout)], after)


def fenced(store: Store, found: Draft) -> Sequence[Write]:
    """A waiting job gets a new place: a claim that saw the old one and is late finds none."""
    return [found.change(store.layout)] if found.record.job.state in WAITING else []


async def _cancels(store: Store, session: UUID, item: Item) -> tuple[UUID, ...]:
    """Of the jobs that were asked to stop, those that still run here."""
    stops = item.get("stops")
    asked = [UUID(hex=name) for name in (stops.ss if stops else None) or ()]
    found = await store.table.get_many([store.layout.job(each) for each in asked])
    records = [record_of(each) for each in found if each is not None]
    running = [r.job.id for r in records if r.job.session == session and r.job.cancel_requested]
    past = [each for each in asked if each not in running]
    if past:
        await forget_stops(store, session, past)
    return tuple(running)


async def leave(store: Store, id: UUID, moment: Moment) -> None:
    """Declare it dead; `rescue` takes its jobs."""
    store.saw_dead(id)
    try:
        item = await store.table.update(
            keys.session(id),
            "SET dead = :now",
            {":now": number(to_micros(moment.now))},
            condition=LIVES,
        )
    except Refused as refused:
        if refused.code not in CONDITION:
            raise
    else:
        await seal(store, item)


async def sessions(store: Store) -> list[Session]:
    """Those that live, or hold jobs still."""
    shown: list[Session] = []
    for item in await store.table.query_all("W"):
        if alive(item) or await held(store, item):
            shown.append(session_of(item))
    return shown


async def held(store: Store, item: Item) -> Sequence[Record]:
    """The jobs that a session holds."""
    session = keys.id_of(item)
    log = log_of(await pages_of(store, item))
    places = [store.layout.job(job) for each in log.values() for job in each.jobs]
    found = await store.table.get_many(list(places))
    records = {r.job.id: r for r in (record_of(each) for each in found if each is not None)}
    return [record for record in records.values() if record.job.session == session]


def session_of(item: Item) -> Session:
    """As anyone may see it."""
    return Session(
        keys.id_of(item),
        _worker(string(item["worker"])),
        timedelta(microseconds=integer(item["span"])),
        joined_at=from_micros(integer(item["joined"])),
        beat_at=from_micros(integer(item["beat"])),
        alive=alive(item),
    )
