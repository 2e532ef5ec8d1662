"""Times are instants, to the microsecond."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from goncordia.clock import as_utc, due, from_micros, to_micros, utc_now
from goncordia.errors import InvalidArgument
from hypothesis import given
from hypothesis import strategies as st

aware = st.datetimes(
    datetime(2, 1, 1), datetime(9998, 1, 1), timezones=st.timezones() | st.just(UTC)
)


@given(st.datetimes(timezones=st.just(UTC)))
def test_microseconds_are_exact(at: datetime) -> None:
    assert from_micros(to_micros(at)) == at


@given(aware, aware)
def test_microseconds_sort_like_the_instants(one: datetime, other: datetime) -> None:
    assert (to_micros(one) < to_micros(other)) is (as_utc(one, "a") < as_utc(other, "b"))


@given(aware)
def test_the_instant_stays_the_same_in_utc(at: datetime) -> None:
    utc = as_utc(at, "run_at")
    assert utc.tzinfo is UTC
    assert utc.timestamp() == at.timestamp()


def test_half_an_hour_ahead_is_ahead_wherever_it_was_said() -> None:
    now = utc_now()
    west = (now + timedelta(minutes=30)).astimezone(timezone(timedelta(hours=-8)))
    assert as_utc(west, "run_at") - now == timedelta(minutes=30)


def test_an_hour_that_comes_twice_is_two_instants() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    first = datetime(2026, 10, 25, 2, 30, tzinfo=berlin)
    second = first.replace(fold=1)
    assert as_utc(second, "b") - as_utc(first, "a") == timedelta(hours=1)


@given(st.datetimes())
def test_a_naive_datetime_is_refused_with_the_remedy(at: datetime) -> None:
    with pytest.raises(InvalidArgument, match=r"^run_at=.* has no time zone; use datetime\.now"):
        as_utc(at, "run_at")


@given(st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC)))
def test_a_span_counts_from_now(now: datetime) -> None:
    assert due(timedelta(seconds=1), now) - now == timedelta(seconds=1)
    assert due(now, utc_now()) == now
