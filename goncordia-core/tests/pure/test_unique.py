"""Two jobs are the same if and only if their chosen parts are."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from hashlib import sha256

import pytest
from goncordia.args import Args
from goncordia.errors import ArgsError, InvalidArgument
from goncordia.jobs import Conflict, Hold
from goncordia.unique import Unique
from hypothesis import assume, given
from hypothesis import strategies as st


class Sync(Args, kind="sync"):
    account: int
    mode: str = "full"
    extra: object = None


class Other(Args, kind="other"):
    account: int
    mode: str = "full"
    extra: object = None


NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
syncs = st.builds(Sync, st.integers(0, 2), st.sampled_from(["full", "delta"]))
queues = st.sampled_from(["a", "b"])
times = st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))


def key(rule: Unique, args: Args, queue: str = "a", at: datetime = NOW) -> bytes:
    made = rule.of(args, queue, at).key
    assert len(made) == 32
    return made


@given(syncs, syncs, queues, queues, times, times)
def test_by_default_all_args_count_and_nothing_else(
    one: Sync, two: Sync, q1: str, q2: str, t1: datetime, t2: datetime
) -> None:
    assert (key(Unique(), one, q1, t1) == key(Unique(), two, q2, t2)) is (one == two)


@given(syncs, syncs)
def test_chosen_fields_count_alone(one: Sync, two: Sync) -> None:
    rule = Unique(fields=("account",))
    assert (key(rule, one) == key(rule, two)) is (one.account == two.account)


@given(syncs, syncs)
def test_without_args_the_kind_counts_alone(one: Sync, two: Sync) -> None:
    assert key(Unique(args=False), one) == key(Unique(args=False), two)
    assert key(Unique(args=False), one) != key(Unique(args=False), Other(1))


@given(syncs, syncs, st.text("ab"), st.text("ab"))
def test_an_own_key_counts_in_place_of_the_args(one: Sync, two: Sync, k1: str, k2: str) -> None:
    assert (key(Unique(key=k1), one) == key(Unique(key=k2), two)) is (k1 == k2)


@given(syncs, queues, queues)
def test_the_queue_counts_where_it_is_asked_to(args: Sync, q1: str, q2: str) -> None:
    assert (key(Unique(queue=True), args, q1) == key(Unique(queue=True), args, q2)) is (q1 == q2)


@given(st.integers(0, 9))
def test_kinds_never_meet(account: int) -> None:
    assert key(Unique(), Sync(account)) != key(Unique(), Other(account))


def test_ways_of_choosing_never_meet() -> None:
    """A key that says what the args say is another key."""
    args = Sync(1)
    rules = [
        Unique(),
        Unique(args=False),
        Unique(fields=("account",)),
        Unique(fields=("account", "mode")),
        Unique(key="1"),
        Unique(key=""),
        Unique(queue=True),
        Unique(period=timedelta(hours=1)),
        Unique(period=timedelta(hours=2)),
    ]
    assert len({key(rule, args) for rule in rules}) == len(rules)


@given(times, times, st.timedeltas(timedelta(seconds=1), timedelta(days=400)))
def test_a_period_is_once_in_each_span_from_1970_utc(
    one: datetime, two: datetime, period: timedelta
) -> None:
    rule = Unique(period=period)
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    same = (one - epoch) // period == (two - epoch) // period
    assert (key(rule, Sync(1), at=one) == key(rule, Sync(1), at=two)) is same


@given(times, st.integers(-23, 23), st.timedeltas(timedelta(hours=1), timedelta(days=9)))
def test_the_callers_time_zone_does_not_matter(at: datetime, hours: int, period: timedelta) -> None:
    there = at.astimezone(timezone(timedelta(hours=hours)))
    rule = Unique(period=period)
    assert key(rule, Sync(1), at=there) == key(rule, Sync(1), at=at)


@given(st.dictionaries(st.text("abc"), st.integers(0, 3), min_size=2))
def test_the_order_of_a_mapping_does_not_matter(table: dict[str, int]) -> None:
    turned = dict(reversed(table.items()))
    assume(list(turned) != list(table))
    assert key(Unique(), Sync(1, extra=table)) == key(Unique(), Sync(1, extra=turned))


@given(st.sampled_from(Hold), st.sampled_from(Conflict))
def test_the_key_says_how_long_it_holds_and_what_a_conflict_does(
    hold: Hold, conflict: Conflict
) -> None:
    made = Unique(hold=hold, on_conflict=conflict).of(Sync(1), "a", NOW)
    assert (made.hold, made.on_conflict) == (hold, conflict)
    assert made.key == key(Unique(), Sync(1))


def test_the_key_is_the_same_in_every_version() -> None:
    """Stored keys outlive a release: whoever changes this lets duplicates in."""
    plain = b'{"args":{"account":7,"extra":null,"mode":"full"},"kind":"sync"}'
    assert key(Unique(), Sync(7)) == sha256(plain).digest()
    hourly = (
        b'{"bucket":490908,"fields":{"account":7},"kind":"sync","period":3600000000,"queue":"a"}'
    )
    rule = Unique(fields=("account",), period=timedelta(hours=1), queue=True)
    assert key(rule, Sync(7)) == sha256(hourly).digest()


@pytest.mark.parametrize("period", [timedelta(0), timedelta(microseconds=-1)])
def test_a_period_of_nothing_is_refused(period: timedelta) -> None:
    with pytest.raises(InvalidArgument, match="must be longer than nothing"):
        Unique(period=period)


def test_an_unknown_field_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(InvalidArgument, match="names 'acount'; Sync has account, mode, extra"):
        Unique(fields=("acount",)).of(Sync(1), "a", NOW)


def test_a_part_that_json_can_not_hold_is_refused() -> None:
    with pytest.raises(ArgsError, match="unique key can't be encoded"):
        Unique(fields=("extra",)).of(Sync(1, extra=object()), "a", NOW)
    with pytest.raises(ArgsError):
        Unique(key="\ud800").of(Sync(1), "a", NOW)
