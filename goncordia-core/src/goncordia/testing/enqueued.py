"""Jobs as a test sees them, with typed args; and what it is told where they are not as expected."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Generic, TypeVar
from uuid import UUID

from goncordia import codec, upcast
from goncordia.args import Args, kind_of
from goncordia.jobs import JobRow, cut
from goncordia.lifecycle import State

A = TypeVar("A", bound=Args)
A_co = TypeVar("A_co", bound=Args, covariant=True)

SHOWN = 10
"""Jobs that a message shows."""
WIDTH = 160
"""Bytes of a job's args, or of its error, that a message shows."""


class EnqueuedJob(Generic[A_co]):
    """A job in the store: its args, and all that `client.get` says of it in `row`."""

    __slots__ = ("args", "row")

    def __init__(self, args: A_co, row: JobRow) -> None:
        """Made by a tracker."""
        self.args = args
        self.row = row

    @property
    def id(self) -> UUID:
        """The job's id."""
        return self.row.id

    @property
    def kind(self) -> str:
        """Its kind."""
        return self.row.kind

    @property
    def queue(self) -> str:
        """Its queue."""
        return self.row.queue

    @property
    def state(self) -> State:
        """As visible: a due job is available."""
        return self.row.state

    @property
    def priority(self) -> int:
        """From -16 (last) to 15 (first)."""
        return self.row.priority

    @property
    def run_at(self) -> datetime:
        """When it is, or was, due."""
        return self.row.run_at

    @property
    def tags(self) -> tuple[str, ...]:
        """Its tags."""
        return self.row.tags

    @property
    def meta(self) -> Mapping[str, object]:
        """What the producer attached beside the args."""
        return codec.decode_object(self.row.meta)

    def __repr__(self) -> str:
        return f"EnqueuedJob({self.args!r}, state={self.state.value!r}, queue={self.queue!r})"


Predicate = Callable[[EnqueuedJob[A]], object]
"""Which jobs are meant: `where=lambda job: job.args.to == "ada@example.com"`."""


def typed(kind: type[A], rows: Sequence[JobRow]) -> list[EnqueuedJob[A]]:
    """The rows of that kind; raises `ArgsDecodeError` for args that the class can't read."""
    of_kind = [row for row in rows if row.kind == kind_of(kind)]
    return [EnqueuedJob(upcast.read(kind, row.args, row.version), row) for row in of_kind]


def select(jobs: Sequence[EnqueuedJob[A]], where: Predicate[A] | None) -> list[EnqueuedJob[A]]:
    """Those that are meant."""
    return [job for job in jobs if where is None or where(job)]


def complaint(
    kind: type[A],
    wanted: int,
    found: Collection[EnqueuedJob[A]],
    where: Predicate[A] | None,
    rows: Sequence[JobRow],
    unseen: int,
) -> str:
    """What a test is told: what was expected, what is queued instead, what to do.

    `rows` are all jobs of the store, `unseen` is how many are in transactions that were not looked
    into.
    """
    meant = f"{_count(wanted)} of kind {kind_of(kind)!r} ({kind.__name__})"
    there = {job.id for job in found}
    of_kind = [row for row in rows if row.kind == kind_of(kind)]
    return "\n".join(
        [
            f"expected {meant}{_condition(where)}, found {len(found) or 'none'}.",
            *_listed("Found:", [row for row in rows if row.id in there]),
            *_listed("Queued instead:", [row for row in rows if row.id not in there]),
            *([] if rows else ["Nothing is queued."]),
            _remedy(wanted, len(found), len(of_kind), unseen),
        ]
    )


def _count(n: int) -> str:
    return {0: "no job", 1: "1 job"}.get(n, f"{n} jobs")


def _condition(where: Predicate[A] | None) -> str:
    code = getattr(where, "__code__", None)
    if where is None:
        return ""
    if code is None:
        return f" where {where!r}"
    return f" where {where.__name__} (line {code.co_firstlineno})"


def _listed(title: str, rows: Sequence[JobRow]) -> list[str]:
    if not rows:
        return []
    left = len(rows) - SHOWN
    return [title, *map(_line, rows[:SHOWN]), *([f"  ... and {left} more"] if left > 0 else [])]


def _line(row: JobRow) -> str:
    parts = [f"  {row.kind} {_short(row.args.decode(errors='replace'))} {row.state.value}"]
    if row.state in (State.SCHEDULED, State.RETRYABLE):
        parts.append(f"at {row.run_at:%Y-%m-%d %H:%M:%S}Z")
    if row.queue != "default":
        parts.append(f"queue={row.queue}")
    if row.tags:
        parts.append(f"tags={','.join(row.tags)}")
    if row.errors:
        last = row.errors[-1]
        parts.append(f"({last.type}: {_short(last.message)})")
    return " ".join(parts)


def _short(text: str) -> str:
    shown = cut(" ".join(text.split()), WIDTH)
    return shown if shown == " ".join(text.split()) else f"{shown}..."


def _remedy(wanted: int, found: int, of_kind: int, unseen: int) -> str:
    if found > wanted:
        return (
            "Say which ones are meant with where=, or how many are right with n."
            if wanted
            else "Find who enqueues them, or say which ones are meant with where=."
        )
    if unseen:
        return (
            f"{_count(unseen)} of this kind may be in a transaction that is not committed: commit "
            "it, or look into it with tx=."
        )
    if of_kind > found:
        return "There are others of this kind: correct what where= says, or what was enqueued."
    return "Does the code under test enqueue to this store, with the tracker's client?"
