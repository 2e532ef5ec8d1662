"""Texts of errors are cut, outcomes are made whole."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from goncordia import jobs
from goncordia.jobs import AttemptError, ClaimedJob, cut
from goncordia.lifecycle import Event
from hypothesis import example, given
from hypothesis import strategies as st

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@given(st.text(st.characters(codec="utf-8", exclude_characters="\x00")), st.integers(1, 40))
@example("aé", 2)
@example("😀😀", 5)
def test_a_cut_text_is_a_beginning_in_whole_characters(text: str, limit: int) -> None:
    short = cut(text, limit)
    assert text.startswith(short)
    assert len(short.encode()) <= limit
    rest = text[len(short) :]
    assert not rest or len((short + rest[0]).encode()) > limit


@given(st.text(st.characters(codec="utf-8", exclude_characters="\x00")), st.integers(1, 40))
@example("é", 1)
def test_or_an_end(text: str, limit: int) -> None:
    short = cut(text, limit, keep_end=True)
    assert text.endswith(short)
    assert len(short.encode()) <= limit
    rest = text[: len(text) - len(short)]
    assert not rest or len((rest[-1] + short).encode()) > limit


@given(st.text(st.characters()), st.integers(1, 40), st.booleans())
@example("\x00" * 40, 40, False)
def test_whatever_it_is_a_store_can_keep_it(text: str, limit: int, keep_end: bool) -> None:
    short = cut(text, limit, keep_end=keep_end)
    assert len(short.encode()) <= limit
    assert "\x00" not in short


def test_the_record_of_an_error_says_what_and_where() -> None:
    try:
        raise ValueError("no such address")
    except ValueError as error:
        record = AttemptError.of(error, 3, NOW)
    assert (record.attempt, record.at) == (3, NOW)
    assert (record.type, record.message) == ("ValueError", "no such address")
    assert "test_jobs.py" in record.traceback
    assert record.traceback.rstrip().endswith("ValueError: no such address")


def test_a_huge_error_is_bounded_and_keeps_its_last_lines() -> None:
    record = AttemptError.of(type("E" * 999, (Exception,), {})("é" * 99_999), 1, NOW)
    sizes = [len(text.encode()) for text in (record.type, record.message, record.traceback)]
    assert sizes <= [jobs.TYPE_LIMIT, jobs.MESSAGE_LIMIT, jobs.TRACEBACK_LIMIT]
    assert sizes[2] <= jobs.TRACEBACK_LIMIT
    assert record.traceback.endswith("é\n")


def test_outcomes_name_the_claim_and_what_happened() -> None:
    job = ClaimedJob(uuid4(), uuid4(), "k", b"{}", 1, "q", 0, 1, 25, 0, NOW, NOW)
    error = AttemptError(1, NOW, "E", "m")
    wait = timedelta(seconds=9)
    made = {
        "completed": jobs.completed(job, b"1"),
        "failed": jobs.failed(job, error, wait),
        "discarded": jobs.discarded(job, error),
        "cancelled": jobs.cancelled(job, error),
        "snoozed": jobs.snoozed(job, wait),
        "released": jobs.released(job),
    }
    assert all((o.id, o.token) == (job.id, job.token) for o in made.values())
    assert {name: o.event for name, o in made.items()} == {
        "completed": Event.COMPLETE,
        "failed": Event.FAIL,
        "discarded": Event.FAIL,
        "cancelled": Event.FAIL,
        "snoozed": Event.SNOOZE,
        "released": Event.RELEASE,
    }
    assert {name for name, o in made.items() if o.when == wait} == {"failed", "snoozed"}
    assert {name for name, o in made.items() if o.error == error} == {
        "failed",
        "discarded",
        "cancelled",
    }
    assert [name for name, o in made.items() if o.final] == ["discarded"]
    assert [name for name, o in made.items() if o.cancel] == ["cancelled"]


@pytest.mark.parametrize("name", ["x", "default", "a.b:c/d-e_f"])
def test_queue_names(name: str) -> None:
    assert jobs.QUEUE_NAME.fullmatch(name)
