"""What an older version stored is lifted step by step; what can't be read is a typed error."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from goncordia import Args
from goncordia.args import Upcaster
from goncordia.errors import (
    ArgsDecodeError,
    InvalidArgument,
    PayloadAhead,
    UpcasterMissing,
    UpcastError,
)
from goncordia.upcast import read
from hypothesis import given
from hypothesis import strategies as st


def one(old: dict[str, object]) -> dict[str, object]:
    """`name` became `to`."""
    return {"to": old["name"]}


def two(old: dict[str, object]) -> dict[str, object]:
    """One address became several."""
    return old | {"to": [old["to"]], "at": "2026-01-01T00:00:00Z"}


class Mail(Args, kind="mail", version=3, upcasters={1: one, 2: two}):
    to: list[str]
    at: datetime


class Forgetful(Args, kind="mail", version=3, upcasters={2: two}):
    to: list[str]
    at: datetime


NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)


def data(**fields: object) -> bytes:
    return json.dumps(fields).encode()


@given(st.text(st.characters(codec="utf-8")))
def test_each_version_becomes_the_newest(name: str) -> None:
    newest = Mail([name], NEW_YEAR)
    assert read(Mail, data(name=name), 1) == newest
    assert read(Mail, data(to=name), 2) == newest
    assert read(Mail, data(to=[name], at="2026-01-01T00:00:00Z"), 3) == newest


@given(st.integers(1, 6), st.integers(1, 6), st.data())
def test_the_steps_between_are_taken_once_each_in_order(stored: int, known: int, draw) -> None:
    kept = draw.draw(st.sets(st.integers(1, max(known - 1, 1)), max_size=5))

    def step(n: int) -> Upcaster:
        def walk(old: dict[str, Any]) -> dict[str, object]:
            return {"steps": [*old["steps"], n]}

        return walk

    class Walk(Args, kind="walk", version=known, upcasters={n: step(n) for n in kept if n < known}):
        steps: list[int]

    needed = list(range(stored, known))
    if stored > known:
        with pytest.raises(PayloadAhead):
            read(Walk, data(steps=[]), stored)
    elif kept.issuperset(needed):
        assert read(Walk, data(steps=[]), stored).steps == needed
    else:
        with pytest.raises(UpcasterMissing) as caught:
            read(Walk, data(steps=[]), stored)
        assert caught.value.version == min(set(needed) - kept)


def test_a_missing_step_is_named() -> None:
    with pytest.raises(UpcasterMissing, match="'mail' has no upcaster from version 1 to 2") as e:
        read(Forgetful, data(name="ada"), 1)
    assert (e.value.kind, e.value.version) == ("mail", 1)
    assert isinstance(e.value, ArgsDecodeError)


def test_a_version_ahead_is_not_damaged_but_for_others() -> None:
    with pytest.raises(PayloadAhead, match="have version 4, and this deploy knows 3") as e:
        read(Mail, data(to=["ada"]), 4)
    assert (e.value.kind, e.value.version, e.value.known) == ("mail", 4, 3)
    assert not isinstance(e.value, ArgsDecodeError)


@pytest.mark.parametrize("stored", [b"[]", b"{", b'{"to":1}', b"null"])
def test_a_step_that_fails_is_told_by_its_place(stored: bytes) -> None:
    with pytest.raises(UpcastError, match="'mail', version 1, could not be lifted from 1 to 2"):
        read(Mail, stored, 1)


def test_what_is_lifted_must_fit_the_class() -> None:
    with pytest.raises(ArgsDecodeError, match="don't fit Mail"):
        read(Mail, data(name=1), 1)


def test_no_upcaster_may_give_what_json_can_not_hold() -> None:
    class Odd(Args, kind="odd", version=2, upcasters={1: lambda old: {"to": object()}}):
        to: str

    with pytest.raises(UpcastError):
        read(Odd, b"{}", 1)


@pytest.mark.parametrize("number", [0, 2, 3, -1])
def test_upcasters_are_named_by_what_they_lift(number: int) -> None:
    with pytest.raises(InvalidArgument, match="is below 2"):

        class Bad(Args, kind="bad", version=2, upcasters={number: one}):  # pyright: ignore[reportUnusedClass] never made
            to: str


def test_they_take_objects() -> None:
    with pytest.raises(InvalidArgument, match="it is array_like"):

        class Bad(Args, kind="bad", version=2, upcasters={1: one}, array_like=True):  # pyright: ignore[reportUnusedClass] never made
            to: str


def test_they_are_not_inherited() -> None:
    class Child(Mail, kind="child"):
        pass

    assert not Child.__goncordia_upcasters__
    assert Child.__goncordia_version__ == 1
