"""What a store promises. What is declared holds; what is not declared is refused."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import timedelta
from typing import Literal

from goncordia.errors import CapabilityMissing, InvalidArgument


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """Words about guarantees, never a store's name. The defaults promise nothing."""

    tx_insert: Literal["immediate", "staged", "none"] = "none"
    """Insert in the caller's transaction; staged: answered at the caller's commit."""
    tx_finish: Literal["immediate", "staged", "none"] = "none"
    """Finish in the caller's transaction."""
    tx_unique: bool = False
    """Unique keys hold for inserts in the caller's transaction."""
    follow_up: bool = False
    """An outcome and its follow-up jobs are one write."""
    exclusive_claim: Literal["strict", "advisory"] = "advisory"
    """Strict: two claims never hold one job."""
    unique: bool = False
    """Unique keys survive concurrent inserts."""
    order: Literal["strict", "window", "none"] = "none"
    """Strict: each claim takes the first by priority, run_at, id."""
    claim_sees: Literal["immediate", "eventual"] = "eventual"
    """Whether a claim sees every insert that was answered before it."""
    clock: Literal["store", "observed", "client"] = "client"
    """Who says what time it is, and whether a session is silent."""
    wake: Literal["push", "poll"] = "poll"
    """Whether `listen` hears of jobs, or its caller has to poll."""
    pause_lag: timedelta | None = None
    """A claim that starts so long after a pause takes nothing; None: no promise."""
    counts: Literal["exact", "approximate", "absent"] = "absent"
    """The counts of `stats`."""
    atomic_insert: int = 1
    """So many jobs of one `insert` exist together or not at all."""

    def require(self, wanted: Iterable[str]) -> None:
        """Refuse what the store does not promise.

        Each word is a field's name (`"unique"`) or a name and value (`"order=strict"`). Raises
        `CapabilityMissing` for one that does not hold, `InvalidArgument` for no such word.
        """
        for word in wanted:
            name, _, value = word.partition("=")
            if name not in _NAMES:
                raise InvalidArgument(
                    f"require={word!r}: the capabilities are {', '.join(sorted(_NAMES))}"
                )
            has = getattr(self, name)
            if str(has) != value if value else has in (_WEAKEST[name], False, None):
                raise CapabilityMissing(
                    name, f"{word!r} was required, and this store promises {name}={has}"
                )


_WEAKEST = {field.name: field.default for field in fields(Capabilities)}
_NAMES = frozenset(_WEAKEST)


@dataclass(frozen=True, slots=True, kw_only=True)
class Habits:
    """How a driver likes to be called: advice, not promises."""

    batch: int = 1000
    """The most jobs or outcomes in one call; client and pool split what is larger."""
    ahead: bool = False
    """Whether a pool whose jobs take no longer than a claim claims the next ones while they run. It
    pays where the store works by itself meanwhile, and does not share the interpreter."""
    gather: float = 0.0
    """Seconds for which the finisher lets outcomes gather before it writes."""
    poll: float = 1.0
    """Seconds between an idle pool's looks, give or take its jitter."""
    prunes_itself: bool = False
    """Whether the store removes what has expired by itself: then pools leave `prune` to it."""
