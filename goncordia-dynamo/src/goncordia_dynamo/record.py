"""A job as it is stored: the row, who holds it, its mark and its version; as an item and back."""

from __future__ import annotations

import secrets
import zlib
from datetime import datetime
from uuid import UUID

import msgspec
from goncordia.clock import from_micros, to_micros
from goncordia.jobs import (
    KEPT_ERRORS,
    AttemptError,
    ClaimedJob,
    Conflict,
    Hold,
    JobRow,
    Outcome,
    UniqueKey,
)
from goncordia.lifecycle import WAITING, State

from goncordia_dynamo import keys
from goncordia_dynamo.keys import Layout
from goncordia_dynamo.values import Item, Value, data, flag, integer, number, opaque, string, text

_pack = msgspec.msgpack.Encoder().encode
_errors = msgspec.msgpack.Decoder(tuple[AttemptError, ...]).decode


class Record(msgspec.Struct):
    """A job's row with what nobody sees."""

    job: JobRow
    version: int = 0
    """One more with each write: what a decision was based on is named by it."""
    token: UUID | None = None
    """The claim that holds it; None unless it runs."""
    mark: str = ""
    """Which token recorded which outcome last: by it a resent `finish` is known."""
    take: str = ""
    """Names the taking of its unique key, so that no other taking is undone by mistake."""
    large: bool = False
    """Whether arguments and meta stand in an item of their own."""
    ttl: int = 0
    """When DynamoDB may remove it, in seconds; 0: never."""

    def blame(self, error: AttemptError) -> None:
        """Keep an error, and of those before it the last few."""
        self.job.errors = (*self.job.errors, error)[-KEPT_ERRORS:]


RELATED = frozenset({"uq", "large"})
"""Attributes of a job that other items belong to, tidied at its end; it has them from the first."""


def mark_of(outcome: Outcome) -> str:
    """What `finish` leaves on a job."""
    said = f"{'f' * outcome.final}{'c' * outcome.cancel}"
    return f"{outcome.token.hex}/{outcome.event}/{said}"


def new_take() -> str:
    """A name for the taking of a unique key."""
    return secrets.token_hex(4)


def item_of(record: Record, layout: Layout) -> Item:
    """As it is stored."""
    job = record.job
    item = layout.job(job.id)
    item["kind"], item["queue"] = text(job.kind), text(job.queue)
    item["state"], item["v"] = text(job.state), number(record.version)
    item["att"], item["max"] = number(job.attempt), number(job.max_attempts)
    item["run"], item["made"] = number(to_micros(job.run_at)), number(to_micros(job.created_at))
    if not record.large:
        item["args"] = opaque(job.args)
        if job.meta:
            item["meta"] = opaque(job.meta)
    if job.state in WAITING:
        item["gp"] = text(layout.line(job.queue, job.priority, job.id))
        item["gs"] = text(keys.place(to_micros(job.run_at), job.id, record.version))
    _numbers(item, job, record)
    _texts(item, job, record)
    return item


def _numbers(item: Item, job: JobRow, record: Record) -> None:
    rare = {"prio": job.priority, "snz": job.snoozes, "ttl": record.ttl}
    item.update((name, number(n)) for name, n in rare.items() if n)
    times = {"took": job.attempted_at, "ended": job.finished_at, "keep": job.expire_at}
    item.update((name, number(to_micros(at))) for name, at in times.items() if at is not None)
    if job.version != 1:
        item["ver"] = number(job.version)
    if job.cancel_requested:
        item["cancel"] = flag(True)
    if record.large:
        item["large"] = flag(True)


def _texts(item: Item, job: JobRow, record: Record) -> None:
    if job.session is not None and record.token is not None:
        item["sess"], item["tok"] = text(job.session.hex), text(record.token.hex)
    if job.errors:
        item["errs"] = Value(b=zlib.compress(_pack(job.errors), 1))
    if job.result is not None:
        item["res"] = opaque(job.result)
    if job.tags:
        item["tags"] = Value(l=[text(tag) for tag in job.tags])
    if job.unique is not None:
        unique = job.unique
        said = f"{unique.key.hex()}/{unique.hold}/{unique.on_conflict}/{record.take}"
        item["uq"] = text(said)
    if record.mark:
        item["mark"] = text(record.mark)


def record_of(item: Item) -> Record:
    """What is stored, without what is large of it."""
    get = item.get
    unique, take = _unique(string(get("uq")))
    tags = get("tags")
    errors = get("errs")
    job = JobRow(
        id=keys.id_of(item),
        kind=string(get("kind")),
        args=data(get("args")) or b"",
        version=integer(get("ver"), 1),
        queue=string(get("queue")),
        priority=integer(get("prio")),
        state=State(string(get("state"))),
        attempt=integer(get("att")),
        max_attempts=integer(get("max")),
        snoozes=integer(get("snz")),
        run_at=from_micros(integer(get("run"))),
        created_at=from_micros(integer(get("made"))),
        attempted_at=_time(get("took")),
        finished_at=_time(get("ended")),
        expire_at=_time(get("keep")),
        cancel_requested="cancel" in item,
        session=_id(get("sess")),
        errors=() if errors is None else _errors(zlib.decompress(errors.b or b"")),
        result=data(get("res")),
        unique=unique,
        tags=() if tags is None else tuple(map(string, tags.l or ())),
        meta=data(get("meta")) or b"",
    )
    version, token, mark = integer(get("v")), _id(get("tok")), string(get("mark"))
    return Record(job, version, token, mark, take, "large" in item, integer(get("ttl")))


def claimed_of(item: Item, token: UUID) -> ClaimedJob:
    """As its claimant gets it, without what is large of it."""
    get = item.get
    tags = get("tags")
    return ClaimedJob(
        keys.id_of(item),
        token,
        string(get("kind")),
        data(get("args")) or b"",
        integer(get("ver"), 1),
        string(get("queue")),
        integer(get("prio")),
        integer(get("att")),
        integer(get("max")),
        integer(get("snz")),
        from_micros(integer(get("run"))),
        from_micros(integer(get("made"))),
        () if tags is None else tuple(map(string, tags.l or ())),
        data(get("meta")) or b"",
    )


def _unique(said: str) -> tuple[UniqueKey | None, str]:
    if not said:
        return None, ""
    key, hold, on_conflict, take = said.split("/")
    return UniqueKey(bytes.fromhex(key), Hold(hold), Conflict(on_conflict)), take


def _time(value: Value | None) -> datetime | None:
    return None if value is None else from_micros(integer(value))


def _id(value: Value | None) -> UUID | None:
    return None if value is None else keys.from_hex(string(value))
