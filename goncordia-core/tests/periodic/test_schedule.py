from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from goncordia import Cron, Every, ScheduleFunc
from goncordia.errors import InvalidArgument
from goncordia.schedule import WALK, following, ticks_due
from hypothesis import given
from hypothesis import strategies as st

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
times = st.datetimes(datetime(1971, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))
periods = st.timedeltas(timedelta(seconds=1), timedelta(days=400))


def test_every_six_hours_is_at_the_same_hours_each_day() -> None:
    six = Every(timedelta(hours=6), offset=timedelta(minutes=30))
    assert six.next(NOON) == NOON + timedelta(minutes=30)
    assert six.next(NOON + timedelta(minutes=30)) == NOON + timedelta(hours=6, minutes=30)
    assert Every(3600).next(NOON) == NOON + HOUR
    assert str(six) == "every 6:00:00 + 0:30:00"
    assert str(Every(90)) == "every 0:01:30"


@given(times, periods, st.timedeltas(-timedelta(days=9), timedelta(days=9)))
def test_the_next_tick_is_within_a_period_and_on_the_grid(
    after: datetime, period: timedelta, offset: timedelta
) -> None:
    every = Every(period, offset)
    tick = every.next(after)
    assert after < tick <= after + period
    assert every.next(tick) == tick + period
    assert every.next(tick - timedelta(microseconds=1)) == tick


@pytest.mark.parametrize("period", [0, -1, 0.5, float("nan"), float("inf"), "1h"])
def test_a_period_that_is_none_is_refused(period) -> None:
    with pytest.raises(InvalidArgument, match="period="):
        Every(period)


def test_a_function_is_a_schedule() -> None:
    def once(after: datetime) -> datetime | None:
        return NOON.astimezone(timezone(HOUR)) if after < NOON else None

    schedule = ScheduleFunc(once)
    assert following(schedule, NOON - HOUR) == NOON
    assert following(schedule, NOON) is None
    assert "once" in str(schedule)


@pytest.mark.parametrize("tick", [NOON, NOON - HOUR, datetime(2027, 1, 1)])
def test_a_tick_that_is_not_later_or_no_instant_is_refused(tick: datetime) -> None:
    with pytest.raises(InvalidArgument):
        following(ScheduleFunc(lambda after: tick), NOON)


schedules = st.builds(Every, periods) | st.sampled_from([Cron("*/7 3-5 * * *"), Cron("0 0 1 * *")])


@given(schedules, times, st.timedeltas(timedelta(0), timedelta(days=500)), st.integers(1, 5))
def test_the_ticks_due_are_the_last_ones(
    schedule, after: datetime, span: timedelta, most: int
) -> None:
    now = after + span
    ticks = ticks_due(schedule, after, now, most)
    assert len(ticks) <= most
    assert all(following(schedule, a) == b for a, b in zip(ticks, ticks[1:], strict=False))
    assert all(after < tick <= now for tick in ticks)
    beyond = following(schedule, ticks[-1] if ticks else after)
    assert beyond is not None
    assert beyond > now
    if len(ticks) < most:
        assert not ticks or following(schedule, after) == ticks[0]


def test_ten_years_of_seconds_are_no_work() -> None:
    asked = []

    def each_second(after: datetime) -> datetime:
        asked.append(after)
        return Every(1).next(after)

    now = NOON + timedelta(days=3650)
    ticks = ticks_due(ScheduleFunc(each_second), NOON, now, 3)
    assert ticks == [now - timedelta(seconds=2), now - timedelta(seconds=1), now]
    assert len(asked) < 2 * WALK
