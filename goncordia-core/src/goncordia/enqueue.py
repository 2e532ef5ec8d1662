"""One job to enqueue: what the caller says, checked at the door and made a `NewJob`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import UTC, datetime
from itertools import groupby
from typing import cast
from uuid import UUID

import msgspec

from goncordia.answers import Insertion
from goncordia.args import Args, kind_of
from goncordia.clock import EPOCH, When, as_utc, due
from goncordia.codec import PAYLOAD_LIMIT, encode
from goncordia.errors import InvalidArgument
from goncordia.jobs import NewJob
from goncordia.options import Options, check_max_attempts, check_priority, check_queue
from goncordia.unique import Unique

TAG_LIMIT = 128
"""Characters of a tag."""
TAGS_LIMIT = 32
"""Tags of a job."""
LATEST = datetime(9000, 1, 1, tzinfo=UTC)
"""No job is due later: there is room for a store to add a span to it."""


class _Subject(msgspec.Struct, frozen=True):
    args: Args


class Enqueue(_Subject, frozen=True, kw_only=True):
    """A job to enqueue, with its options; None leaves one as the class of the args says."""

    queue: str | None = None
    priority: int | None = None
    """-16 (last) to 15 (first)."""
    run_at: When | None = None
    """An aware datetime, or a span from now; None: now."""
    max_attempts: int | None = None
    unique: Unique | None = None
    tags: Collection[str] = ()
    meta: Mapping[str, object] | None = None
    """Free data beside the args, which JSON can hold."""


class Enqueued(msgspec.Struct, frozen=True, gc=False):
    """What became of a job that was to be enqueued."""

    id: UUID
    """Of the job that was asked for, whether or not it exists."""
    status: Insertion
    other: UUID | None = None
    """The job that it was skipped for, or the one that it replaced."""

    @property
    def created(self) -> bool:
        """Whether the asked-for job exists; in a transaction: will exist once that commits."""
        return self.status is not Insertion.SKIPPED

    @property
    def job_id(self) -> UUID:
        """The job that does the work: the asked-for one, or the one it was skipped for."""
        return self.id if self.other is None or self.created else self.other


def new_job(
    request: Args | Enqueue,
    mint: Callable[[str, str], UUID],
    now: datetime,
    limit: int = PAYLOAD_LIMIT,
) -> NewJob:
    """The job to insert, its id made by `mint(kind, queue)`.

    Raises `InvalidArgument`, naming the value and the remedy: `ArgsError` for args or meta that
    JSON can't hold, `PayloadTooLarge` for either above `limit` bytes.
    """
    asked = _asked(request)
    cls = type(asked.args)
    kind, options = kind_of(cls), cls.__goncordia_options__
    queue = options.queue if asked.queue is None else check_queue(asked.queue)
    run_at = None if asked.run_at is None else check_run_at(asked.run_at, now)
    unique = asked.unique or options.unique
    attempts, priority = asked.max_attempts, asked.priority
    return NewJob(
        mint(kind, queue),
        kind,
        encode(asked.args, f"args of {kind}", limit),
        cls.__goncordia_version__,
        queue,
        options.priority if priority is None else check_priority(priority),
        run_at,
        options.max_attempts if attempts is None else check_max_attempts(attempts),
        unique and unique.of(asked.args, queue, now if run_at is None else due(run_at, now)),
        _tags(asked.tags) if asked.tags else (),
        encode(dict(asked.meta), "meta", limit) if asked.meta else b"",
    )


def new_jobs(
    requests: Iterable[Args | Enqueue],
    mint: Callable[[str, str], UUID],
    now: datetime,
    limit: int = PAYLOAD_LIMIT,
) -> list[NewJob]:
    """Each as `new_job` makes it; what bare args of one class have in common is looked up once."""
    jobs: list[NewJob] = []
    for cls, alike in groupby(requests, type):
        options = getattr(cls, "__goncordia_options__", None)
        if isinstance(options, Options) and options.unique is None:
            jobs += _bare(cast("Iterable[Args]", alike), cast("type[Args]", cls), mint, limit)
        else:
            jobs += [new_job(request, mint, now, limit) for request in alike]
    return jobs


def _bare(
    alike: Iterable[Args], cls: type[Args], mint: Callable[[str, str], UUID], limit: int
) -> list[NewJob]:
    kind, version, options = kind_of(cls), cls.__goncordia_version__, cls.__goncordia_options__
    queue, priority, max_attempts = options.queue, options.priority, options.max_attempts
    what = f"args of {kind}"
    return [
        NewJob(
            mint(kind, queue),
            kind,
            encode(args, what, limit),
            version,
            queue,
            priority,
            max_attempts=max_attempts,
        )
        for args in alike
    ]


def _asked(request: Args | Enqueue) -> Enqueue:
    asked = request if isinstance(request, Enqueue) else Enqueue(request)
    if isinstance(asked.args, Args):  # pyright: ignore[reportUnnecessaryIsInstance] - untyped callers
        return asked
    raise InvalidArgument(f"{asked.args!r} is no Args; enqueue an instance of a class with a kind")


def check_run_at(run_at: When, now: datetime) -> When:
    """The instant in UTC, or `InvalidArgument`; a span stays one, for the store to add it."""
    try:
        when = as_utc(run_at, "run_at") if isinstance(run_at, datetime) else run_at
        if EPOCH <= due(when, now) < LATEST:
            return when
    except OverflowError:
        pass
    raise InvalidArgument(f"run_at={run_at!s}: use a time from {EPOCH:%Y} to {LATEST:%Y}, UTC")


def _tags(tags: Collection[str]) -> tuple[str, ...]:
    if isinstance(tags, str):
        raise InvalidArgument(f"tags={tags!r}: use a list or tuple of strings")
    if len(tags) > TAGS_LIMIT:
        raise InvalidArgument(f"tags: {len(tags)} of them, the limit is {TAGS_LIMIT}")
    for tag in tags:
        if not (1 <= len(tag) <= TAG_LIMIT and tag.isprintable()):
            raise InvalidArgument(f"tag {tag!r}: use 1 to {TAG_LIMIT} printable characters")
    return tuple(dict.fromkeys(tags))
