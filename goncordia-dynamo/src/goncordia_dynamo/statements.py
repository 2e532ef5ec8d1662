"""PartiQL, made of constants and names of our own; values are bound.

The hot path is written without reading first: a claim under the place in which the job was seen to
wait, a completion under its token. What they do is read from the lifecycle table.
"""

from __future__ import annotations

from functools import lru_cache

from goncordia.lifecycle import Event, Facts, Rule, State, decide


def _plain(event: Event, state: State, facts: Facts) -> tuple[Rule, State]:
    """A rule that has no guard, and where it leads."""
    rule = decide(event, state, facts)
    if rule is None or rule.target is None or rule.guard is not None:
        raise LookupError(f"the lifecycle table has no plain {event} from {state}")
    return rule, rule.target


_CLAIM, RUNNING = _plain(Event.CLAIM, State.AVAILABLE, Facts())
_, COMPLETED = _plain(Event.COMPLETE, State.RUNNING, Facts(cancel_requested=True))


@lru_cache(maxsize=64)
def claim(table: str) -> str:
    """Parameters: token, session, now; then pk, sk and the place in which it waits."""
    return (
        f'UPDATE "{table}" SET "state" = \'{RUNNING}\' SET "tok" = ? SET "sess" = ? SET "took" = ? '
        f'SET "att" = "att" + {_CLAIM.attempt} SET "v" = "v" + 1 '
        f'REMOVE "gp" REMOVE "gs" REMOVE "cancel" WHERE {_where(("gs",))} RETURNING ALL NEW *'
    )


@lru_cache(maxsize=64)
def complete(table: str, *, result: bool, tell: bool) -> str:
    """Parameters: now, expiry, ttl, mark, perhaps the result; then pk, sk and the token.

    The job as it was is told back only where it is of use.
    """
    told = " RETURNING ALL OLD *" if tell else ""
    kept = 'SET "res" = ? ' if result else ""
    return (
        f'UPDATE "{table}" SET "state" = \'{COMPLETED}\' SET "v" = "v" + 1 '
        f'SET "ended" = ? SET "keep" = ? SET "ttl" = ? SET "mark" = ? {kept}'
        f'REMOVE "tok" REMOVE "sess" WHERE {_where(("tok",))}{told}'
    )


@lru_cache(maxsize=512)
def insert(table: str, names: tuple[str, ...]) -> str:
    """A new item with these attributes."""
    pairs = ", ".join(f"'{name}': ?" for name in names)
    return f'INSERT INTO "{table}" VALUE {{{pairs}}}'


@lru_cache(maxsize=512)
def update(
    table: str, changed: tuple[str, ...], gone: tuple[str, ...], where: tuple[str, ...]
) -> str:
    """Attributes set and removed, if those of `where` stand as they are given last."""
    sets = "".join(f' SET "{name}" = ?' for name in changed)
    removes = "".join(f' REMOVE "{name}"' for name in gone)
    return f'UPDATE "{table}"{sets}{removes} WHERE {_where(where)}'


@lru_cache(maxsize=64)
def delete(table: str, where: tuple[str, ...]) -> str:
    """An item removed, if the attributes of `where` stand as they are given."""
    return f'DELETE FROM "{table}" WHERE {_where(where)}'


def _where(names: tuple[str, ...]) -> str:
    return " AND ".join(f'"{name}" = ?' for name in ("pk", "sk", *names))
