"""Unique jobs: what makes two jobs the same, as a sha256 over the chosen parts."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from goncordia import codec
from goncordia.args import Args, kind_of
from goncordia.clock import EPOCH
from goncordia.errors import InvalidArgument
from goncordia.jobs import Conflict, Hold, UniqueKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Unique:
    """At most one job of a kind with the same parts.

    By default all args count: `Unique()`. `fields` names some of them; `args=False` leaves them
    out; `key` replaces them by one's own; `queue=True` counts the queue; `period` makes it once in
    each such span, cut from 1970-01-01 UTC by `run_at`. `hold` says for how long the key is held,
    `on_conflict` what happens to the second one.
    """

    args: bool = True
    fields: tuple[str, ...] = ()
    key: str | None = None
    queue: bool = False
    period: timedelta | None = None
    hold: Hold = Hold.LIVE
    on_conflict: Conflict = Conflict.SKIP

    def __post_init__(self) -> None:
        """Refuse a period that has no buckets."""
        if self.period is not None and self.period <= timedelta(0):
            raise InvalidArgument(f"Unique(period={self.period}): must be longer than nothing")

    def check(self, args: type[Args]) -> None:
        """Raise `InvalidArgument` for a field that the class does not have."""
        known = args.__struct_fields__
        for name in self.fields:
            if name not in known:
                raise InvalidArgument(
                    f"Unique(fields=...) names {name!r}; {args.__name__} has {', '.join(known)}"
                )

    def of(self, args: Args, queue: str, run_at: datetime) -> UniqueKey:
        """The key of a job with these parts."""
        self.check(type(args))
        parts: dict[str, object] = {"kind": kind_of(type(args))}
        if self.key is not None:
            parts["key"] = self.key
        elif self.fields:
            parts["fields"] = {name: getattr(args, name) for name in self.fields}
        elif self.args:
            parts["args"] = args
        if self.queue:
            parts["queue"] = queue
        if self.period is not None:
            parts["period"] = self.period // timedelta(microseconds=1)
            parts["bucket"] = (run_at - EPOCH) // self.period
        digest = hashlib.sha256(codec.canonical(parts, "unique key")).digest()
        return UniqueKey(digest, self.hold, self.on_conflict)
