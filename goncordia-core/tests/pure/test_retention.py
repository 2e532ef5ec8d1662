"""How long ended jobs are kept."""

from __future__ import annotations

from datetime import timedelta

import pytest
from goncordia.errors import InvalidArgument
from goncordia.lifecycle import ENDED, State
from goncordia.retention import RESEND_WINDOW, Retention
from hypothesis import given
from hypothesis import strategies as st


@given(st.sampled_from(sorted(ENDED)), st.timedeltas(RESEND_WINDOW, timedelta(days=999)))
def test_each_ended_state_has_its_own(state: State, span: timedelta) -> None:
    retention = Retention(**{state.value: span})
    assert retention.of(state) == span
    assert all(retention.of(other) == Retention().of(other) for other in ENDED - {state})


@given(
    st.sampled_from(sorted(ENDED)),
    st.timedeltas(timedelta(days=-1), RESEND_WINDOW - timedelta(microseconds=1)),
)
def test_none_is_shorter_than_the_resend_window(state: State, span: timedelta) -> None:
    with pytest.raises(InvalidArgument, match=rf"Retention\({state.value}=.*at least 0:01:00"):
        Retention(**{state.value: span})
