"""Directed cases: short tests, one guarantee each, named for the guarantee.

A case that needs a power names it. Where a store does not declare the power, the same test checks
that it is refused with the typed error: so every test asserts something of every store.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

from goncordia.capabilities import Capabilities
from goncordia.errors import CapabilityMissing

from goncordia_conformance.bench import Bench

Part = Literal["case", "race", "fault"]
"""What kind of proof a case is: directed, or with real concurrency, or under faults."""
Body = Callable[[Bench], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Case:
    """A test of every driver."""

    noun: str
    name: str
    body: Body
    words: tuple[str, ...]
    """What a store must declare for it, as in `Capabilities.require`."""
    part: Part

    @property
    def test(self) -> str:
        """The name of the test."""
        return f"test_{self.noun}_{self.name}"

    @property
    def guarantee(self) -> str:
        """What it proves, in a line."""
        return (self.body.__doc__ or self.name.replace("_", " ")).splitlines()[0]


CASES: dict[str, Case] = {}
"""By the test's name; filled by the modules of `cases`, `races` and `faults`."""


def case(*words: str, part: Part = "case") -> Callable[[Body], Body]:
    """Make the function a case of the noun that its module is named for."""

    def register(body: Body) -> Body:
        noun = body.__module__.rpartition(".")[2]
        made = Case(noun, body.__name__, body, words, part)
        if made.test in CASES:
            raise ValueError(f"two cases are called {made.test}")
        CASES[made.test] = made
        return body

    return register


def lacking(words: tuple[str, ...], promised: Capabilities) -> str | None:
    """The first word that the store does not promise."""
    for word in words:
        try:
            promised.require((word,))
        except CapabilityMissing:
            return word
    return None
