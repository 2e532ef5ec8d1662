"""Claiming: look into the index, log what is about to be taken, take it if it still waits."""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import partial
from uuid import UUID

import msgspec
from goncordia.clock import from_micros, to_micros
from goncordia.errors import SessionLost
from goncordia.sessions import Claim, Claims

from goncordia_dynamo import keys, statements
from goncordia_dynamo.large import fill
from goncordia_dynamo.log import Note, entry_of, log_of, note_intent
from goncordia_dynamo.moment import Moment
from goncordia_dynamo.pages import alive, pages_of
from goncordia_dynamo.record import RELATED, claimed_of
from goncordia_dynamo.revise import TRIES, contended, pause
from goncordia_dynamo.store import Line, Store
from goncordia_dynamo.values import Item, Value, number, string, text
from goncordia_dynamo.write import JSON

_MICROS = 1_000_000


class Due(msgspec.Struct):
    """What a look into a queue's lines saw."""

    items: list[Item]
    """Due, in order within each line."""
    next_at: int | None = None
    """When the first one falls due that is not, in microseconds."""
    more: bool = False
    """Whether others' shards have some besides."""

    def add(self, look: Due, *, enough: bool) -> None:
        """What another look saw; where there is enough already, only that there is more."""
        if enough:
            self.more |= bool(look.items)
        else:
            self.items += look.items
        if look.next_at is not None:
            self.next_at = min(self.next_at or look.next_at, look.next_at)


class Again(Exception):
    """The claim's token is known: it was sent before, whatever it says."""


async def claim(store: Store, claim: Claim, moment: Moment) -> Claims:
    """Take what is wanted, less what the token holds already."""
    for attempt in range(TRIES):
        try:
            return await _claim(store, claim, moment)
        except Again:
            claim = msgspec.structs.replace(claim, resend=True)
            await pause(store, attempt)
    raise contended(1)


async def _claim(store: Store, claim: Claim, moment: Moment) -> Claims:
    held, was = await _held(store, claim) if claim.resend else ([], None)
    lines = await store.lines()
    answer = Claims([])
    wanted: list[Item] = []
    for queue, n in claim.wants.items():
        line = lines.get(queue)
        if line is None or line.paused_at is not None:
            continue
        n -= sum(string(item["queue"]) == queue for item in held)
        found = await _look(store, line, n, claim.session, moment)
        wanted += found.items[: max(0, n)]
        answer.more |= found.more or len(found.items) > n
        _note_next(answer, found, moment)
    free = _fresh(store, wanted, held)
    if free:
        with store.taking([string(item["gs"]) for item in free]):
            await _note(store, claim, free, was, moment)
            held += await _take(store, claim, free, moment, answer)
    else:
        await _check_alive(store, claim)
    answer.more |= len(free) < len(wanted)
    answer.jobs = [claimed_of(item, claim.token) for item in held]
    if free and not claim.resend:
        store.book.claimed(claim.session, claim.token, (job.id for job in answer.jobs))
    await fill(store, [j for j, item in zip(answer.jobs, held, strict=True) if "large" in item])
    return answer


def _fresh(store: Store, items: Sequence[Item], held: Sequence[Item]) -> list[Item]:
    """Each job once, and none that is held already or being taken: the index lags."""
    jobs = {string(item["sk"]): item for item in items if store.free(string(item["gs"]))}
    for item in held:
        jobs.pop(string(item["sk"]), None)
    return list(jobs.values())


async def _held(store: Store, claim: Claim) -> tuple[list[Item], Value | None]:
    """What the token holds already, and its entry in the log."""
    store.book.doubt(claim.session, claim.token)
    item = await store.table.get(keys.session(claim.session))
    if item is None or not alive(item):
        raise _lost(store, claim.session)
    pages = await pages_of(store, item)
    intent = log_of(pages).get(claim.token)
    places = [store.layout.job(job) for job in intent.jobs] if intent else []
    found = await store.table.get_many(places)
    held = [each for each in found if each is not None and _holds(claim, each)]
    return held, entry_of(pages, claim.token)


def _lost(store: Store, session: UUID) -> SessionLost:
    store.saw_dead(session)
    return SessionLost(f"session {session} is dead or unknown: join again")


async def _look(store: Store, line: Line, n: int, session: UUID, moment: Moment) -> Due:
    """The most urgent first; of one priority the worker's own shard, then one, then the others.

    Of the least urgent nobody fills up from others' shards: at a queue's end all would meet there.
    """
    found = Due([])
    limit = max(0, n) + 1
    own = store.layout.preferred(session, moment.now)
    for priority in line.priorities:
        names = _lines(store, line.name, priority, own)
        last = priority == line.priorities[-1]
        for part in filter(None, (names[:1], names[1:2], names[2:])):
            if found.more or len(found.items) >= limit:
                return found
            enough = bool(last and found.items and part[0] != names[0])
            look_into = partial(_look_into, store, 1 if enough else limit, moment)
            for name, look in zip(part, await store.table.abreast(look_into, part), strict=True):
                store.fruitful(name, bool(look.items))
                found.add(look, enough=enough)
    return found


def _lines(store: Store, queue: str, priority: int, own: int) -> list[str]:
    """Its own shard first, then one that gave jobs the last time, then the others by chance."""
    others = [shard for shard in range(store.layout.shards) if shard != own]
    random.shuffle(others)
    names = [keys.line(queue, priority, shard) for shard in (own, *others)]
    return names[:1] + sorted(names[1:], key=lambda name: not store.gave(name))


async def _look_into(store: Store, limit: int, moment: Moment, line: str) -> Due:
    now, found, after = to_micros(moment.now), Due([]), None
    while True:
        page = await store.table.waiting(line, after=after, limit=limit)
        for item in page.items:
            place = string(item["gs"])
            if (at := keys.run_at(place)) > now:
                found.next_at = at
                return found
            if store.free(place):
                found.items.append(item)
        after = page.after
        if after is None or len(found.items) >= limit:
            return found


def _note_next(answer: Claims, found: Due, moment: Moment) -> None:
    if found.next_at is not None:
        seconds = (from_micros(found.next_at) - moment.now).total_seconds()
        sooner = answer.next_due_in is None or seconds < answer.next_due_in
        answer.next_due_in = seconds if sooner else answer.next_due_in


async def _note(
    store: Store, claim: Claim, items: Sequence[Item], was: Value | None, moment: Moment
) -> None:
    names = [string(item["sk"]) for item in items]
    noted = await note_intent(store, claim, names, was, moment)
    if noted is Note.DEAD:
        raise _lost(store, claim.session)
    if noted is Note.KNOWN:
        raise Again


async def _take(
    store: Store, claim: Claim, items: Sequence[Item], moment: Moment, answer: Claims
) -> list[Item]:
    outcomes = await store.table.execute(_statements(store, items, claim, moment))
    seen = zip(items, outcomes, strict=True)
    store.passed(string(item["gs"]) for item, outcome in seen if not outcome.busy)
    taken = [o.item for o in outcomes if o.item is not None and _holds(claim, o.item)]
    answer.more |= len(taken) < len(items)
    store.plain.update(string(item["sk"]) for item in taken if not RELATED & item.keys())
    return taken


async def _check_alive(store: Store, claim: Claim) -> None:
    if claim.resend or store.alive_lately(claim.session):
        return
    item = await store.table.get(keys.session(claim.session), strong=store.strong)
    if item is None or not alive(item):
        raise _lost(store, claim.session)
    store.saw_alive(claim.session)


def _holds(claim: Claim, item: Item) -> bool:
    """Whether the job was taken by this very claim."""
    token = item.get("tok")
    return token is not None and token.s == claim.token.hex


def _statements(store: Store, items: Sequence[Item], claim: Claim, moment: Moment) -> list[JSON]:
    """The law's claim of each, if it waits where it was seen."""
    told = [text(claim.token.hex), text(claim.session.hex), number(to_micros(moment.now))]
    statement = statements.claim(store.table.name)
    return [
        {
            "Statement": statement,
            "Parameters": [*told, item["pk"], item["sk"], item["gs"]],
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        for item in items
    ]
