"""What a pool knows of its own silence, and of others'."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

from goncordia.pool.lease import Lease
from goncordia.testing import MockClock
from hypothesis import given
from hypothesis import strategies as st

TTL, EVERY = 60.0, 5.0


class At(MockClock):
    """A clock that is set."""

    now_at = 0.0

    def monotonic(self) -> float:
        return self.now_at


gaps = st.lists(st.floats(0.1, 40), min_size=1, max_size=40)


@given(gaps=gaps, after=st.floats(0, 100))
def test_it_observed_no_longer_than_its_beats_landed_without_a_gap(gaps, after):
    clock = At()
    lease = Lease(clock, TTL, EVERY)
    lease.joined(uuid4(), 0.0)
    landed = [0.0]
    for gap in gaps:
        clock.now_at = landed[-1] + gap
        lease.landed(clock.now_at)
        landed.append(clock.now_at)
    steady = landed[-1]
    for earlier, later in zip(landed[-2::-1], landed[:0:-1], strict=True):
        if later - earlier > 3 * EVERY:
            break
        steady = earlier
    clock.now_at = landed[-1] + after
    expected = 0.0 if after > 3 * EVERY else landed[-1] - steady
    assert abs(lease.observed - timedelta(seconds=expected)) < timedelta(milliseconds=1)


@given(after=st.floats(0, 100))
def test_it_is_fit_until_two_beats_before_its_ttl(after):
    clock = At()
    lease = Lease(clock, TTL, EVERY)
    assert not lease.fit
    lease.joined(uuid4(), 0.0)
    clock.now_at = after
    assert lease.fit == (after < TTL - 2 * EVERY)
    lease.lost()
    assert not lease.fit
