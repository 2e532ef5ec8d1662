"""Arguments survive the store, and what can't is refused with a typed error."""

from __future__ import annotations

import json
import math
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import msgspec
import pytest
from goncordia import codec
from goncordia.args import Args
from goncordia.errors import ArgsDecodeError, ArgsError, InvalidArgument, PayloadTooLarge
from hypothesis import given
from hypothesis import strategies as st


class Everything(Args, kind="everything"):
    text: str
    number: int
    share: float
    flag: bool
    at: datetime
    day: date
    span: timedelta
    id: UUID
    price: Decimal
    raw: bytes
    words: list[str]
    pair: tuple[int, str]
    table: dict[str, int | None]
    maybe: str | None = None


texts = st.text(st.characters(codec="utf-8"))
everything = st.builds(
    Everything,
    text=texts,
    number=st.integers(-(2**200), 2**200),
    share=st.floats(allow_nan=False, allow_infinity=False),
    flag=st.booleans(),
    at=st.datetimes(timezones=st.just(UTC)),
    day=st.dates(),
    span=st.timedeltas(timedelta(days=-30_000), timedelta(days=30_000)),
    id=st.uuids(),
    price=st.decimals(allow_nan=False, allow_infinity=False),
    raw=st.binary(),
    words=st.lists(texts),
    pair=st.tuples(st.integers(-5, 5), texts),
    table=st.dictionaries(texts, st.none() | st.integers(-5, 5)),
    maybe=st.none() | texts,
)


@given(everything)
def test_what_goes_in_comes_out(args: Everything) -> None:
    data = codec.encode(args, "args")
    json.loads(data)
    assert codec.decode(Everything, data) == args


class Small(Args, kind="small"):
    value: object


@pytest.mark.parametrize("value", [object(), lambda: None, 1j, "\ud800", {1: {object()}}])
def test_what_json_can_not_hold_is_refused(value: object) -> None:
    with pytest.raises(ArgsError, match=r"^args of small can't be encoded: .") as caught:
        codec.encode(Small(value), "args of small")
    assert isinstance(caught.value, InvalidArgument)


def test_what_holds_itself_is_refused() -> None:
    loop: list[object] = []
    loop.append(loop)
    with pytest.raises(ArgsError):
        codec.encode(Small(loop), "args")
    with pytest.raises(ArgsError):
        codec.canonical(Small(loop), "args")


class Sample(Args, kind="sample"):
    word: str = ""
    share: float = 0.0
    shares: dict[str, list[float | None]] = {}


finite = st.floats(allow_nan=False, allow_infinity=False)
endless = st.sampled_from([math.nan, math.inf, -math.inf])


@given(
    st.sampled_from(["", "null", "nan"]),
    st.dictionaries(texts, st.lists(st.none() | finite, max_size=3), max_size=3),
)
def test_nulls_and_words_that_look_like_them_are_taken(word: str, shares) -> None:
    args = Sample(word, shares=shares)
    assert codec.decode(Sample, codec.encode(args, "args")) == args


@given(endless, st.dictionaries(texts, st.lists(st.none() | finite, max_size=3), max_size=3))
def test_numbers_that_json_has_not_are_refused_where_they_are_said(number: float, shares) -> None:
    """msgspec would write null, and the worker find no number there."""
    for args in (Sample(share=number), Sample(shares=shares | {"x": [None, number]})):
        with pytest.raises(ArgsError, match=f"JSON has no place for {number}; use None"):
            codec.encode(args, "args of sample")


class Node(msgspec.Struct):
    weight: float | None = None
    children: list[Node] = []


class Tree(Args, kind="tree"):
    root: Node
    name: str | None = None


class Anything(Args, kind="anything"):
    value: object = None
    name: str | None = None


class Plain(Args, kind="plain"):
    name: str | None = None
    numbers: dict[str, tuple[int | None, ...]] = {}


@given(endless, st.integers(0, 5))
def test_they_are_found_however_deep(number: float, depth: int) -> None:
    node = Node(number)
    for _ in range(depth):
        node = Node(None, [Node(1.0), node])
    for value in (Tree(node), Anything(node), {"x": [node]}, [None, number]):
        with pytest.raises(ArgsError, match="JSON has no place"):
            codec.encode(value, "args")


def test_args_without_floats_are_not_looked_through(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(msgspec, "to_builtins", None)
    args = Plain(None, {"x": (1, None)})
    assert codec.decode(Plain, codec.encode(args, "args")) == args


class Ready(Args, kind="ready"):
    json: msgspec.Raw
    share: float | None = None


def test_json_that_is_ready_is_taken_as_it_is() -> None:
    assert (
        codec.encode(Ready(msgspec.Raw(b'{"x":null}')), "x") == b'{"json":{"x":null},"share":null}'
    )
    with pytest.raises(ArgsError):
        codec.encode(Ready(msgspec.Raw(b"null"), math.nan), "x")


@given(st.integers(0, 300), st.integers(11, 300))
def test_the_limit_is_in_bytes_and_is_the_last_size_taken(length: int, limit: int) -> None:
    args = Small("é" * length)
    size = len('{"value":""}') + 2 * length
    if size <= limit:
        assert len(codec.encode(args, "args", limit)) == size
        return
    with pytest.raises(PayloadTooLarge, match=f"^args: {size} bytes, the limit is {limit}") as e:
        codec.encode(args, "args", limit)
    assert (e.value.size, e.value.limit) == (size, limit)


class Old(Args, kind="mail"):
    to: str


class New(Args, kind="mail"):
    to: str
    cc: str = ""


class Strict(Args, kind="mail", forbid_unknown_fields=True):
    to: str


class Other(Args, kind="mail"):
    to: int


def test_a_worker_may_be_older_or_newer_than_the_producer() -> None:
    assert codec.decode(Old, codec.encode(New("ada", "bob"), "args")) == Old("ada")
    assert codec.decode(New, codec.encode(Old("ada"), "args")) == New("ada")


def test_unknown_fields_are_an_error_where_the_class_says_so() -> None:
    with pytest.raises(ArgsDecodeError, match="cc"):
        codec.decode(Strict, codec.encode(New("ada", "bob"), "args"))


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"null", b'{"to":"a"}', b'{"to":1', b"\xff"])
def test_what_no_longer_fits_is_a_typed_error(data: bytes) -> None:
    with pytest.raises(ArgsDecodeError, match="kind 'mail' don't fit Other"):
        codec.decode(Other, data)


def test_a_payload_that_is_nested_too_deeply_is_a_typed_error() -> None:
    with pytest.raises(ArgsDecodeError):
        codec.decode(Small, b'{"value":' + b"[" * 100_000)


@given(st.binary(max_size=50))
def test_no_payload_raises_anything_else(data: bytes) -> None:
    with suppress(ArgsDecodeError):
        codec.decode(New, data)


@given(st.dictionaries(texts, st.integers(0, 9) | texts, min_size=2))
def test_canonical_bytes_do_not_depend_on_order(table: dict[str, int | str]) -> None:
    turned = dict(reversed(table.items()))
    assert codec.canonical(table, "x") == codec.canonical(turned, "x")


@given(st.sets(st.text("abc", max_size=3)))
def test_canonical_bytes_of_sets_do_not_depend_on_hashes(names: set[str]) -> None:
    assert codec.canonical(names, "x") == codec.canonical(sorted(names), "x")


def test_meta_that_was_never_set_is_empty() -> None:
    assert codec.decode_object(b"") == {}
    assert codec.decode_object(b'{"a":[1]}') == {"a": [1]}
