"""Steps that only look, and the values under keys."""

from __future__ import annotations

from datetime import timedelta

from goncordia.answers import Filter

from goncordia_conformance.lockstep.world import Pages, World, pick
from goncordia_conformance.observe import counted, listed, oldest

CHUNK = 3


async def pages(world: World, where: Filter, limit: int) -> None:
    """A filtered list, page by page, while nothing happens."""
    world.tell(f"list {world.show(where)} in pages of {limit}")
    try:
        rows = await listed(world.driver, where, limit, world.now)
    except AssertionError as error:
        raise world.broken("list", str(error)) from error
    said = [row.id for row in rows]
    expected = world.model.store.list(where, limit=1_000_000, now=world.now).rows
    world.agree("list", [row.id for row in expected], said)


async def turn_page(world: World) -> None:
    """One page more of a list that is read while the store changes."""
    if world.pages is None:
        page = await world.driver.list(Filter(), limit=CHUNK, now=world.now)
        if page.cursor is not None:
            shown = [row.id for row in page.rows]
            world.tell(f"list the first {CHUNK}: {world.show(shown)}")
            world.pages = Pages(page.cursor, shown, set(world.seen.rows))
        return
    before = world.pages
    page = await world.driver.list(Filter(), cursor=before.cursor, limit=CHUNK, now=world.now)
    more = [row.id for row in page.rows]
    world.tell(f"list the next {CHUNK}: {world.show(more)}")
    before.stayed &= set(world.seen.rows)
    if set(more) & set(before.shown):
        raise world.broken("list", "a later page repeats a job of an earlier one")
    before.shown += more
    if page.cursor is not None:
        before.cursor = page.cursor
        return
    world.pages = None
    if before.stayed - set(before.shown):
        raise world.broken("list", "the pages skipped a job that was there all the time")


async def ask_around(world: World, place: int) -> None:
    """Counts of one queue, of none, and a job that is not there."""
    world.tell("stats of a, and a job that nobody knows")
    unknown = world.id("u")
    ids = [unknown, *([pick(world.jobs, place).id] if world.jobs else [])]
    rows = await world.driver.get(ids, now=world.now)
    expected = world.model.rows(world.now)  # what was seen last may have fallen due since
    world.agree("get", [expected.get(uid) for uid in ids], rows)
    if world.promised.counts != "exact":
        return
    for queues in (("a",), ("a", "none")):
        said = await world.ask("stats", world.driver.stats(queues, now=world.now))
        expected = world.model.store.stats(queues, now=world.now)
        if isinstance(said, list):
            world.agree("stats", counted(expected), counted(said))
            world.agree("stats, the oldest due", oldest(expected), oldest(said))


async def compare_and_set(
    world: World, key: str, expected: bytes | None, value: bytes | None, ttl: timedelta | None
) -> None:
    """Leadership, cursors."""
    world.tell(f"set {key} from {world.show(expected)} to {world.show(value)} for {ttl}")
    call = world.driver.compare_and_set(key, expected, value, ttl=ttl, now=world.now)
    said = await world.ask("compare_and_set", call)
    store = world.model.store
    answer = world.expect(lambda: store.compare_and_set(key, expected, value, ttl, world.now))
    world.agree("compare_and_set", answer, said)


async def hold_on(
    world: World, key: str, value: bytes | None, ttl: timedelta, seconds: float
) -> None:
    """Set what stands there for a term; then somebody asks as if nothing stood there."""
    probe = world.model.store.compare_and_set(key, b"?", None, now=world.now)
    await compare_and_set(world, key, probe.current, value, ttl)
    world.now += timedelta(seconds=seconds)
    await compare_and_set(world, key, None, b"2", ttl)
