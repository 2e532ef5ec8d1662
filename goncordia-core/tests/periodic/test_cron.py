from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from goncordia import Cron
from goncordia.errors import InvalidArgument
from hypothesis import example, given, settings
from hypothesis import strategies as st

from .wallclock import MINUTE, Field, Model, changes

ZONES = sorted(available_timezones() - {"localtime", "Factory"})
BERLIN = ZoneInfo("Europe/Berlin")


def local(text: str, tz: str = "Europe/Berlin", fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(tz), fold=fold).astimezone(UTC)


def shown(cron: Cron, after: datetime, number: int) -> list[str]:
    """The next ticks as the wall clock of the zone shows them, with the offset."""
    found = []
    for _ in range(number):
        tick = cron.next(after)
        assert tick is not None
        assert tick.tzinfo is UTC
        found.append(tick.astimezone(ZoneInfo(cron.tz)).strftime("%m-%d %H:%M %z"))
        after = tick
    return found


def test_a_line_on_the_wall_clock_of_its_zone() -> None:
    friday = local("2026-01-02 10:00")
    assert shown(Cron("0 9 * * MON-FRI", tz="Europe/Berlin"), friday, 2) == [
        "01-05 09:00 +0100",
        "01-06 09:00 +0100",
    ]
    assert Cron("0 0 1 1 *").next(friday) == datetime(2027, 1, 1, tzinfo=UTC)


def test_the_tick_is_later_than_a_time_that_is_one() -> None:
    tick = datetime(2026, 1, 1, 3, tzinfo=UTC)
    almost = tick - timedelta(microseconds=1)
    assert Cron("0 3 * * *").next(almost) == tick
    assert Cron("0 3 * * *").next(tick) == tick + timedelta(days=1)
    assert Cron("0 3 * * *").next(tick + timedelta(microseconds=1)) == tick + timedelta(days=1)


@pytest.mark.parametrize(
    ("line", "ticks"),
    [
        ("30 2 * * *", ["03-28 02:30 +0100", "03-29 03:00 +0200", "03-30 02:30 +0200"]),
        ("0,30 2 * * *", ["03-28 02:30 +0100", "03-29 03:00 +0200", "03-30 02:00 +0200"]),
        ("0 1-3 * * *", ["03-29 01:00 +0100", "03-29 03:00 +0200", "03-30 01:00 +0200"]),
        ("0 * 29 * *", ["03-29 00:00 +0100", "03-29 01:00 +0100", "03-29 03:00 +0200"]),
        ("*/30 2 * * *", ["03-28 02:30 +0100", "03-30 02:00 +0200", "03-30 02:30 +0200"]),
    ],
)
def test_the_gap_of_spring(line: str, ticks: list[str]) -> None:
    after = local("2026-03-28 02:15" if "2 *" in line else "2026-03-28 12:00")
    assert shown(Cron(line, tz="Europe/Berlin"), after, 3) == ticks


@pytest.mark.parametrize(
    ("line", "ticks"),
    [
        ("30 2 * * *", ["10-25 02:30 +0200", "10-26 02:30 +0100"]),
        ("0 1-3 * * *", ["10-25 01:00 +0200", "10-25 02:00 +0200", "10-25 03:00 +0100"]),
        ("0 * * * *", [f"10-25 {t}" for t in ("01:00 +0200", "02:00 +0200", "02:00 +0100")]),
        ("*/30 2 25 * *", [f"10-25 02:{t}" for t in ("00 +0200", "30 +0200", "00 +0100")]),
    ],
)
def test_the_overlap_of_autumn(line: str, ticks: list[str]) -> None:
    after = local("2026-10-25 00:00")
    assert shown(Cron(line, tz="Europe/Berlin"), after, len(ticks)) == ticks


def test_between_the_two_passes_of_the_overlap() -> None:
    second = local("2026-10-25 02:15", fold=1)
    said = Cron("30 2 * * *", tz="Europe/Berlin")
    assert said.next(second) == local("2026-10-26 02:30")
    assert Cron("*/30 * * * *", tz="Europe/Berlin").next(second) == local(
        "2026-10-25 02:30", fold=1
    )


def test_a_day_that_a_zone_left_out() -> None:
    """Samoa had no 30 December 2011: its jobs ran when the 31st began."""
    cron = Cron("0 9 30 12 *", tz="Pacific/Apia")
    after = local("2011-12-29 12:00", "Pacific/Apia")
    assert cron.next(after) == local("2011-12-31 00:00", "Pacific/Apia")


def star(low: int, high: int) -> st.SearchStrategy[Field]:
    return st.just(Field("*", frozenset(range(low, high + 1))))


def numbers(low: int, high: int) -> st.SearchStrategy[Field]:
    number = st.integers(low, high)

    def listed(values: set[int]) -> Field:
        return Field(",".join(str(each) for each in sorted(values)), frozenset(values))

    def stepped(step: int) -> Field:
        return Field(f"*/{step}", frozenset(range(low, high + 1)[::step]))

    def ranged(ends: tuple[int, int]) -> Field:
        a, b = sorted(ends)
        return Field(f"{a}-{b}", frozenset(range(a, b + 1)))

    return (
        star(low, high)
        | st.sets(number, min_size=1, max_size=4).map(listed)
        | st.integers(2, 1 + (high - low) // 2).map(stepped)
        | st.tuples(number, number).map(ranged)
    )


any_day = star(1, 31) | star(1, 31) | numbers(1, 31)
any_month = star(1, 12) | star(1, 12) | numbers(1, 12)
any_weekday = star(0, 6) | numbers(0, 6)
models = st.builds(Model, numbers(0, 59), numbers(0, 23), any_day, any_month, any_weekday).filter(
    lambda model: model.day.star or min(model.day.numbers) < 29  # a day that every month has
)


@st.composite
def spots(draw: st.DrawFn) -> tuple[str, datetime]:
    """A zone, and a minute: within a day of a change of its offset, if it has one in that year."""
    name, year = draw(st.sampled_from(ZONES)), draw(st.integers(1973, 2037))
    found = changes(ZoneInfo(name), year) or [datetime(year, 6, 1, tzinfo=UTC)]
    return name, draw(st.sampled_from(found)) + draw(st.integers(-1500, 200)) * MINUTE


def every(line: str) -> Model:
    low = (0, 0, 1, 1, 0)
    high = (59, 23, 31, 12, 6)
    return Model(
        *(
            Field(text, frozenset([int(text)] if text.isdigit() else range(a, b + 1)))
            for text, a, b in zip(line.split(), low, high, strict=True)
        )
    )


@settings(max_examples=150, deadline=None)
@given(models, spots())
@example(every("* 2 * * *"), ("Australia/Lord_Howe", datetime(2026, 4, 4, 12, tzinfo=UTC)))
@example(every("15 2 * * *"), ("Australia/Lord_Howe", datetime(2026, 10, 3, 12, tzinfo=UTC)))
@example(every("0 0 * * *"), ("America/Havana", datetime(2026, 3, 7, 12, tzinfo=UTC)))
@example(every("30 0 * * *"), ("America/Havana", datetime(2026, 10, 31, 12, tzinfo=UTC)))
@example(every("30 12 * * *"), ("Pacific/Apia", datetime(2011, 12, 29, 22, tzinfo=UTC)))
@example(every("30 12 * * *"), ("Pacific/Kwajalein", datetime(1993, 8, 20, 10, tzinfo=UTC)))
def test_it_fires_when_the_wall_clock_of_any_zone_says_so(
    model: Model, spot: tuple[str, datetime]
) -> None:
    name, start = spot
    end = start + timedelta(hours=30)
    cron, ticks, at = Cron(model.line, tz=name), [], start
    while (tick := cron.next(at)) is not None and tick <= end:
        ticks.append(tick)
        at = tick
    assert ticks == model.ticks(ZoneInfo(name), start, end)


@settings(max_examples=200, deadline=None)
@given(models, spots(), st.integers(0, 10**9))
def test_asked_at_any_moment_it_answers_the_same_ticks(
    model: Model, spot: tuple[str, datetime], micros: int
) -> None:
    name, start = spot
    cron = Cron(model.line, tz=name)
    later = start + timedelta(microseconds=micros)
    tick = cron.next(start)
    while tick is not None and tick <= later:
        tick = cron.next(tick)
    assert cron.next(later) == tick


@pytest.mark.parametrize(
    ("line", "tz", "says"),
    [
        ("* * * *", "UTC", "has 4 fields: write minute"),
        ("0 * * * * *", "UTC", "has 6 fields"),
        ("61 * * * *", "UTC", "Bad minute"),
        ("0 0 * * FRY", "UTC", "Bad day-of-week"),
        ("0 0 31 2 *", "UTC", "Bad day-of-month"),
        ("* * */20 * 1L", "UTC", "never fires"),
        ("0 0 * * *", "Europe/Berlyn", "there is no such time zone"),
        ("0 0 * * *", "", "there is no such time zone"),
        ("0 0 * * *", "/etc/passwd", "there is no such time zone"),
        ("0 0 * * *", "Europe", "there is no such time zone"),
    ],
)
def test_what_can_not_fire_is_refused(line: str, tz: str, says: str) -> None:
    with pytest.raises(InvalidArgument, match=says):
        Cron(line, tz=tz)


def test_a_naive_time_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="no time zone"):
        Cron("0 0 * * *").next(datetime(2026, 1, 1))


def test_it_shows_line_and_zone() -> None:
    assert str(Cron("0 9 * * MON-FRI", tz="Europe/Berlin")) == "0 9 * * MON-FRI Europe/Berlin"
