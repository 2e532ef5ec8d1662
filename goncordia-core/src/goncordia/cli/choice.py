"""Which jobs a command is about: ids, or a filter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from cyclopts import Parameter

from goncordia.errors import InvalidArgument
from goncordia.filters import Where
from goncordia.lifecycle import State

Ids = Annotated[UUID, Parameter(help="Their ids.", negative="")]


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Choice:
    """A filter, all parts of which hold."""

    state: Annotated[
        tuple[State, ...],
        Parameter(
            name="--state",
            negative="",
            show_default=False,
            help="Jobs in this state; as all of these, it may be said several times.",
        ),
    ] = ()
    kind: Annotated[
        tuple[str, ...],
        Parameter(name="--kind", negative="", show_default=False, help="Jobs of this kind."),
    ] = ()
    queue: Annotated[
        tuple[str, ...],
        Parameter(name="--queue", negative="", show_default=False, help="Jobs of this queue."),
    ] = ()
    tag: Annotated[
        tuple[str, ...],
        Parameter(
            name="--tag",
            negative="",
            show_default=False,
            help="Jobs that carry this tag; said several times, all of them.",
        ),
    ] = ()

    @property
    def where(self) -> Where:
        """As the client takes it."""
        return {"states": self.state, "kinds": self.kind, "queues": self.queue, "tags": self.tag}

    def check(self, ids: Sequence[UUID]) -> None:
        """Refuse both ids and a filter, and neither."""
        filtered = any(self.where.values())
        if ids and filtered:
            raise InvalidArgument("name the jobs by ids or by a filter, not by both")
        if not ids and not filtered:
            raise InvalidArgument(
                "which jobs? Name ids, or a filter: --state, --kind, --queue, --tag"
            )


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Care:
    """How carefully."""

    limit: Annotated[
        int | None, Parameter(help="Touch at most so many of those that the filter finds.")
    ] = None
    dry_run: Annotated[
        bool,
        Parameter(
            name="--dry-run",
            negative="",
            show_default=False,
            help="Only say how many jobs would be touched.",
        ),
    ] = False
    yes: Annotated[
        bool, Parameter(name="--yes", negative="", show_default=False, help="Don't ask before.")
    ] = False


ANY, CAREFUL = Choice(), Care()
