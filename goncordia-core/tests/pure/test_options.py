"""What the producer of a kind may say."""

from __future__ import annotations

import pytest
from goncordia.errors import InvalidArgument
from goncordia.options import Options, check_max_attempts, check_priority, check_queue
from hypothesis import given
from hypothesis import strategies as st


@given(st.integers())
def test_priorities_go_from_minus_16_to_15(priority: int) -> None:
    if -16 <= priority <= 15:
        assert check_priority(priority) == priority
    else:
        with pytest.raises(InvalidArgument, match=f"priority={priority}: use -16 .* to 15"):
            check_priority(priority)


@given(st.integers(-5, 40_000))
def test_attempts_go_from_1_to_32767(number: int) -> None:
    if 1 <= number <= 32_767:
        assert check_max_attempts(number) == number
    else:
        with pytest.raises(InvalidArgument, match=f"max_attempts={number}: use 1 to 32767"):
            check_max_attempts(number)


@given(st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.:/-]{0,127}", fullmatch=True))
def test_queues_have_plain_names(name: str) -> None:
    assert check_queue(name) == name


@pytest.mark.parametrize("name", ["", " ", "a b", "é", "a\n", "-a", ".a", "a\x00b", "x" * 129])
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(InvalidArgument, match="queue="):
        check_queue(name)


@pytest.mark.parametrize(
    "bad", [{"queue": ""}, {"priority": 99}, {"max_attempts": 0}, {"max_attempts": 99_999}]
)
def test_options_check_themselves(bad: dict[str, object]) -> None:
    with pytest.raises(InvalidArgument):
        Options(**bad)  # pyright: ignore[reportArgumentType] on purpose
