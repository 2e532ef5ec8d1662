"""Failures as a story: what was done, what the model expected, what the store said.

Ids become names (`j1` a job, `w1` a worker, `c1` a claim), times become seconds from the start.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import cast
from uuid import UUID

import msgspec

START = datetime(2035, 5, 5, 5, 5, 5, 555_500, tzinfo=UTC)
"""When each story begins: ahead, so that no store's own clock expires what the story keeps."""
_SHOWN = 60
_DIGEST = 32
"""Bytes of a unique key."""


class Broken(AssertionError):
    """A promise that was not kept; its text is the whole story.

    Attributes: `steps`, what led there; `subject`, the operation or rule; `findings`, one a line.
    """

    def __init__(self, steps: Sequence[str], subject: str, findings: Sequence[str]) -> None:
        told = "".join(f"\n  {n}. {step}" for n, step in enumerate(steps, 1))
        found = "".join(f"\n  {line}" for line in findings)
        super().__init__(f"{subject}, after these steps:{told}\nThe model and the store:{found}")
        self.steps = tuple(steps)
        self.subject = subject
        self.findings = tuple(findings)


class Story:
    """The steps so far, and the names of what they met."""

    def __init__(self) -> None:
        self.steps: list[str] = []
        self._names: dict[UUID, str] = {}
        self._given: Counter[str] = Counter()

    def name(self, uid: UUID, letter: str) -> None:
        """Call it by the letter and its number from now on."""
        if uid not in self._names:
            self._given[letter] += 1
            self._names[uid] = f"{letter}{self._given[letter]}"

    def same(self, uid: UUID, other: UUID) -> None:
        """Two ids for one thing: the store's and the model's."""
        self._names[other] = self._names[uid]

    def tell(self, now: datetime, text: str) -> None:
        """One more step."""
        self.steps.append(f"{self.show(now)}: {text}")

    def add(self, text: str) -> None:
        """How the step ended."""
        self.steps[-1] += f" -> {text}"

    def broken(self, subject: str, *findings: str) -> Broken:
        """The story, ended badly."""
        return Broken(self.steps, subject, findings)

    def show(self, value: object) -> str:
        """Any value of the contract, as one reads it best."""
        match value:
            case UUID():
                return self._names.get(value, value.hex[:8])
            case datetime():
                zone = "" if value.utcoffset() == timedelta(0) else f" ({value.tzinfo})"
                return f"{_instant(value):+g} s{zone}"
            case timedelta():
                return f"{value.total_seconds():g} s"
            case StrEnum():
                return value.value
            case bytes() | str():
                text = _text(value)
                return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}... ({len(value)} long)"
            case msgspec.Struct():
                return self._struct(value)
            case Mapping():
                pairs = cast("Mapping[object, object]", value).items()
                return ", ".join(f"{self.show(k)}: {self.show(v)}" for k, v in pairs) or "nothing"
            case list() | tuple() | set() | frozenset():
                items = cast("Sequence[object]", value)
                return f"[{', '.join(map(self.show, items))}]"
            case BaseException():
                return f"{type(value).__name__}({value})"
            case _:
                return str(value)

    def differences(self, where: str, expected: object, said: object) -> Iterator[str]:
        """Each part in which the two differ, in a line."""
        if expected == said and type(expected) is type(said):
            return
        match expected, said:
            case msgspec.Struct(), msgspec.Struct() if type(expected) is type(said):
                for part in expected.__struct_fields__:
                    one, two = getattr(expected, part), getattr(said, part)
                    yield from self.differences(f"{where}.{part}", one, two)
            case dict(), dict():
                yield from self._keyed(where, _dict(expected), _dict(said))  # pyright: ignore[reportUnknownArgumentType]
            case _:
                yield (
                    f"{where}: the model expects {self.show(expected)}, "
                    f"the store says {self.show(said)}"
                )

    def _keyed(
        self, where: str, expected: Mapping[object, object], said: Mapping[object, object]
    ) -> Iterator[str]:
        for key in {**expected, **said}:
            place = f"{where} {self.show(key)}"
            if key not in said:
                yield f"{place}: the model expects it, the store has none"
            elif key not in expected:
                yield f"{place}: the model has none, the store says {self.show(said[key])}"
            else:
                yield from self.differences(place, expected[key], said[key])

    def _struct(self, value: msgspec.Struct) -> str:
        defaults = dict(
            zip(
                reversed(value.__struct_fields__), reversed(value.__struct_defaults__), strict=False
            )
        )
        parts = {name: getattr(value, name) for name in value.__struct_fields__}
        head = self.show(parts.pop("id")) if "id" in parts else type(value).__name__
        told = [
            f"{name}={self.show(part)}"
            for name, part in parts.items()
            if name not in defaults or part != defaults[name]
        ]
        return f"{head}({', '.join(told)})" if told else head


def _text(value: str | bytes) -> str:
    """Bytes that are no text by their first few."""
    if isinstance(value, str):
        return value
    return repr(value) if value.isascii() or len(value) != _DIGEST else value.hex()[:8]


def _instant(at: datetime) -> float:
    aware = at if at.tzinfo is not None else at.replace(tzinfo=UTC)
    return (aware - START).total_seconds()


def _dict(value: object) -> dict[object, object]:
    return cast("dict[object, object]", value)
