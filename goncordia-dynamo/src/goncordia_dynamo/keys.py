"""Where things stand in the table: one kind of key for each kind of item.

Jobs stand in partitions by the age of their ids (an id begins with its time) and, within that, by
its last digits, so that new jobs spread over several partitions and a list reads the newest first:

    pk                  sk
    J<age><spread>      id      a job
    X<age><spread>      id      its arguments and meta, where they are large
    B                   age     that jobs of that age exist
    U<sha256>           u       the guard of a unique key
    W                   id      a worker's session, and what it claims
    W<session>          n       a page more of what it claims
    Q                   name    a queue
    V<sha256>           v       a value of compare_and_set
    M                   m       the version of all this

The sparse index `due` holds the jobs that wait, and no others: `gp` is queue, priority and shard,
`gs` is run_at, id and a number that never repeats for the job. So a claim that names the `gs` that
it saw takes a job only as long as it waits since then, and one that comes late takes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from uuid import UUID

from goncordia.ids import from_bytes
from goncordia.jobs import PRIORITIES

from goncordia_dynamo.values import Item, Value, string, text

INDEX = "due"
TURN = 10
"""Seconds for which a worker prefers a shard."""
_AGE = 5
"""Hex digits of an id's time that make a partition: three days each."""
_EARLIEST = 10**17
"""Added to microseconds, so that all instants have 18 digits and sort."""


class Layout:
    """How jobs are spread; the same for all who share a table."""

    def __init__(self, shards: int, spread: int) -> None:
        self.shards = shards
        self.spread = spread

    def job(self, id: UUID) -> Item:
        """The key of a job."""
        return self._placed("J", id)

    def large(self, id: UUID) -> Item:
        """The key of what is large of a job."""
        return self._placed("X", id)

    def partitions(self, age: str) -> list[str]:
        """All partitions of jobs of that age."""
        return [f"J{age}{n:02x}" for n in range(self.spread)]

    def line(self, queue: str, priority: int, id: UUID) -> str:
        """The partition of the index in which a job waits."""
        return line(queue, priority, self.shard(id))

    def shard(self, id: UUID) -> int:
        """The shard of a job, or of a worker's session."""
        return id.int % self.shards

    def preferred(self, session: UUID, at: datetime) -> int:
        """The shard into which a worker looks first at that time.

        All workers go on to the next shard at once: so each keeps one to itself, and no shard waits
        for ever where there are fewer workers than shards and each has more than they can do.
        """
        return (session.int + int(at.timestamp()) // TURN) % self.shards

    def _placed(self, letter: str, id: UUID) -> Item:
        name = id.hex
        place = (id.int >> 8 & 0xFF) % self.spread
        return {"pk": Value(s=f"{letter}{name[:_AGE]}{place:02x}"), "sk": Value(s=name)}


def age(id: UUID) -> str:
    """The age of an id: the later, the greater."""
    return id.hex[:_AGE]


def line(queue: str, priority: int, shard: int) -> str:
    """A partition of the index."""
    return f"{queue}|{PRIORITIES.stop - 1 - priority:02}|{shard}"


def place(run_at: int, id: UUID, version: int) -> str:
    """A job's place among those that wait; `run_at` in microseconds."""
    return f"{run_at + _EARLIEST:018}#{id.hex}#{version}"


def run_at(place: str) -> int:
    """The instant of a place, in microseconds."""
    return int(place[:18]) - _EARLIEST


def age_of(id: UUID) -> Item:
    """The key that says that jobs of the id's age exist."""
    return {"pk": text("B"), "sk": text(age(id))}


def guard(key: bytes) -> Item:
    """The key of a unique key's guard."""
    return {"pk": text(f"U{key.hex()}"), "sk": text("u")}


def session(id: UUID) -> Item:
    """The key of a session."""
    return {"pk": text("W"), "sk": text(id.hex)}


def pages(id: UUID) -> str:
    """The partition of the pages that a session's log has beside the first, its own item."""
    return f"W{id.hex}"


def page(id: UUID, n: int) -> Item:
    """The key of a page of a session's log."""
    return {"pk": text(pages(id)), "sk": text(f"{n}")} if n else session(id)


def queue(name: str) -> Item:
    """The key of a queue."""
    return {"pk": text("Q"), "sk": text(name)}


def value(name: str) -> Item:
    """The key of a value; a hash stands for its name, which is never too long."""
    return {"pk": text(f"V{sha256(name.encode()).hexdigest()}"), "sk": text("v")}


META: Item = {"pk": text("M"), "sk": text("m")}


def id_of(item: Mapping[str, Value]) -> UUID:
    """The id that is an item's sort key."""
    return from_hex(string(item.get("sk")))


def from_hex(name: str) -> UUID:
    """As `UUID(hex=name)`, at a fraction of its price."""
    return from_bytes(bytes.fromhex(name))
