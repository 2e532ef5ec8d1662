"""The report: each capability, held, refused or broken, with the tests behind it; and the figures.

A case leaves figures by `bench.figures[name] = number`; they come to the report by themselves.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Literal, cast

from goncordia.capabilities import Capabilities

Status = Literal["held", "refused", "broken", "untested"]

CAPABILITIES, TRIAL, FIGURES, SEARCH = (
    f"goncordia-{name}" for name in ("capabilities", "trial", "figures", "search")
)
"""The properties by which tests tell what they found, each a JSON text."""
NAMES = tuple(field.name for field in fields(Capabilities))


@dataclass(frozen=True, slots=True)
class Line:
    """One test: what it needed of the store, and what became of it."""

    test: str
    words: Sequence[str]
    verdict: Status

    def about(self, capability: str) -> bool:
        """Whether it is a proof of the capability."""
        return any(word.partition("=")[0] == capability for word in self.words)


@dataclass(slots=True)
class Sheet:
    """All that one suite's tests told."""

    suite: str
    promised: Mapping[str, object] = field(default_factory=dict[str, object])
    lines: list[Line] = field(default_factory=list[Line])
    searches: dict[str, Mapping[str, object]] = field(
        default_factory=dict[str, Mapping[str, object]]
    )
    figures: dict[str, float] = field(default_factory=dict[str, float])

    def add(self, test: str, passed: bool, told: Iterable[tuple[str, object]]) -> None:
        """Note what a test told by its properties."""
        properties = {name: json.loads(str(text)) for name, text in told if name in TOLD}
        self.promised = properties.get(CAPABILITIES) or self.promised
        trial = cast("Mapping[str, object]", properties.get(TRIAL, {}))
        verdict = cast("Status", trial.get("verdict", "held")) if passed else "broken"
        self.lines.append(Line(test, cast("Sequence[str]", trial.get("words", ())), verdict))
        if SEARCH in properties:
            self.searches[test] = properties[SEARCH]
        for name, number in properties.get(FIGURES, {}).items():
            self.figures[f"{name} ({test})"] = number

    def status(self, capability: str) -> Status:
        """Whether it is held, refused since it is not declared, or broken."""
        verdicts = {line.verdict for line in self.proofs(capability)}
        order: tuple[Status, ...] = ("broken", "held", "refused", "untested")
        return next(status for status in order if status in verdicts | {"untested"})

    def proofs(self, capability: str) -> list[Line]:
        """The tests behind it."""
        return [line for line in self.lines if line.about(capability)]

    @property
    def broken(self) -> list[str]:
        """Tests that failed."""
        return [line.test for line in self.lines if line.verdict == "broken"]


TOLD = frozenset({CAPABILITIES, TRIAL, FIGURES, SEARCH})


def write(sheet: Sheet, folder: Path) -> None:
    """The three forms, into files that are called as the suite."""
    folder.mkdir(parents=True, exist_ok=True)
    stem = sheet.suite.replace("/", ".").replace("::", ".").removesuffix(".py")
    (folder / f"{stem}.json").write_text(as_json(sheet), encoding="utf-8")
    (folder / f"{stem}.md").write_text(as_markdown(sheet), encoding="utf-8")
    (folder / f"{stem}.txt").write_text(as_text(sheet), encoding="utf-8")


def as_json(sheet: Sheet) -> str:
    """For programs."""
    capabilities = {
        name: {
            "declared": sheet.promised.get(name),
            "status": sheet.status(name),
            "tests": {line.test: line.verdict for line in sheet.proofs(name)},
        }
        for name in NAMES
    }
    told = {
        "suite": sheet.suite,
        "tests": len(sheet.lines),
        "broken": sheet.broken,
        "capabilities": capabilities,
        "state machine": sheet.searches,
        "figures": sheet.figures,
    }
    return json.dumps(told, indent=2, ensure_ascii=False) + "\n"


def as_markdown(sheet: Sheet) -> str:
    """A table to publish."""
    rows = [
        f"| `{name}` | {_shown(sheet.promised.get(name))} | {sheet.status(name)} "
        f"| {_tests(sheet.proofs(name))} |"
        for name in NAMES
    ]
    return "\n".join(
        [
            f"# What `{sheet.suite}` keeps\n",
            f"{_summary(sheet)}\n",
            "| capability | declared | | tests |",
            "|---|---|---|---|",
            *rows,
            "",
            *(f"- {line}" for line in _more(sheet)),
            "",
        ]
    )


def as_text(sheet: Sheet) -> str:
    """A table to read."""
    width = max(map(len, NAMES))
    rows = [
        f"  {name:{width}}  {_shown(sheet.promised.get(name)):12}  {sheet.status(name):8}  "
        f"{len(sheet.proofs(name))} tests"
        for name in NAMES
    ]
    more = [f"  {line}" for line in _more(sheet)]
    return "\n".join([f"{sheet.suite}: {_summary(sheet)}", *rows, *more, ""])


def _summary(sheet: Sheet) -> str:
    broken = len(sheet.broken)
    kept = "all promises kept" if not broken else f"{broken} broken: {', '.join(sheet.broken)}"
    return f"{len(sheet.lines)} tests, {kept}"


def _more(sheet: Sheet) -> list[str]:
    searches = [
        f"{test}: {s['examples']} examples, {s['steps']} steps, profile {s['profile']}, "
        f"seed {s['seed']}"
        for test, s in sheet.searches.items()
    ]
    return [*searches, *(f"{name}: {number:g}" for name, number in sheet.figures.items())]


def _tests(lines: Sequence[Line]) -> str:
    names = dict.fromkeys(f"{line.test.partition('[')[0]} ({line.verdict})" for line in lines)
    return ", ".join(names) or "none"


def _shown(value: object) -> str:
    if value is None:
        return "no"
    return {"True": "yes", "False": "no"}.get(str(value), str(value))
