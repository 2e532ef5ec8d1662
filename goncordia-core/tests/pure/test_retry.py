"""Waits between attempts."""

from __future__ import annotations

from datetime import timedelta

from goncordia.jobs import MAX_ATTEMPTS
from goncordia.retry import LONGEST, Exponential, Fixed, exponential, never, rescue_backoff
from hypothesis import given
from hypothesis import strategies as st

ERROR = RuntimeError()
attempts = st.integers(1, MAX_ATTEMPTS)
spans = st.timedeltas(timedelta(milliseconds=1), timedelta(days=2))


def exact(policy: Exponential, attempt: int) -> timedelta | None:
    return Exponential(policy.first, policy.factor, policy.longest, jitter=0)(attempt, ERROR)


@given(attempts)
def test_the_default_waits_longer_each_time_and_at_most_a_day(attempt: int) -> None:
    wait = exponential(attempt, ERROR)
    whole = min(timedelta(seconds=2 ** min(attempt - 1, 20)), LONGEST)
    assert wait is not None
    assert whole * 0.75 <= wait <= whole


def test_without_jitter_it_is_a_series() -> None:
    policy = Exponential(first=timedelta(seconds=3), longest=timedelta(seconds=20), jitter=0)
    waits = [policy(attempt, ERROR) for attempt in range(1, 6)]
    assert waits == [timedelta(seconds=s) for s in (3, 6, 12, 20, 20)]


@given(spans, st.floats(1, 1000), spans, st.floats(0, 1), attempts)
def test_no_wait_is_negative_or_longer_than_the_longest(
    first: timedelta, factor: float, longest: timedelta, jitter: float, attempt: int
) -> None:
    wait = Exponential(first, factor, longest, jitter)(attempt, ERROR)
    assert wait is not None
    assert timedelta(0) <= wait <= longest + timedelta(microseconds=1)


@given(spans, st.floats(1, 1000), spans, st.integers(1, MAX_ATTEMPTS - 1))
def test_waits_never_shrink(
    first: timedelta, factor: float, longest: timedelta, attempt: int
) -> None:
    policy = Exponential(first, factor, longest)
    one, then = exact(policy, attempt), exact(policy, attempt + 1)
    assert one is not None
    assert then is not None
    assert one <= then


def test_jobs_that_failed_together_do_not_come_back_together() -> None:
    assert len({exponential(10, ERROR) for _ in range(100)}) > 90
    assert len({rescue_backoff(1, ERROR) for _ in range(100)}) > 90


@given(attempts, spans)
def test_fixed_and_never(attempt: int, span: timedelta) -> None:
    assert Fixed(span)(attempt, ERROR) == span
    assert never(attempt, ERROR) is None
