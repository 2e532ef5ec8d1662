"""Ids rise, sort by time, and can be made again."""

from __future__ import annotations

import os
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from goncordia.clock import to_micros
from goncordia.ids import uuid7, uuid7_of
from hypothesis import given
from hypothesis import strategies as st

instants = st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))


def test_an_id_is_a_uuid_of_version_7_like_any_other() -> None:
    made = uuid7()
    assert (made.version, made.variant) == (7, uuid.RFC_4122)
    assert made == uuid.UUID(str(made)) == uuid.UUID(bytes=made.bytes)
    assert hash(made) == hash(uuid.UUID(str(made)))
    assert made.is_safe is uuid.SafeUUID.unknown


def test_each_is_greater_than_the_one_before() -> None:
    made = [uuid7() for _ in range(20_000)]
    assert made == sorted(set(made))
    assert [str(each) for each in made] == sorted(str(each) for each in made)
    assert [each.bytes for each in made] == sorted(each.bytes for each in made)


def test_a_clock_that_stands_or_steps_back_does_not_matter(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = time.time_ns()
    made: list[uuid.UUID] = []
    for at in (now, now, now, now - 10**12, now - 1, now + 1, now + 10**9):
        monkeypatch.setattr(time, "time_ns", lambda at=at: at)
        made.append(uuid7())
    assert made == sorted(set(made))


def test_it_carries_the_time() -> None:
    before = datetime.now(UTC)
    made = uuid7()
    after = datetime.now(UTC)
    at = timedelta(milliseconds=made.int >> 80)
    slack = timedelta(seconds=1)  # 20 000 ids in one tick run ahead a little
    assert before - slack <= datetime(1970, 1, 1, tzinfo=UTC) + at <= after + slack


def test_threads_never_get_the_same() -> None:
    with ThreadPoolExecutor(4) as threads:
        batches = [threads.submit(lambda: [uuid7() for _ in range(2_000)]) for _ in range(8)]
        made = [each for batch in batches for each in batch.result()]
    assert len(set(made)) == len(made)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_process_makes_others() -> None:
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(write, b"".join(uuid7().bytes[8:] for _ in range(100)))
        os._exit(0)
    ours = {uuid7().bytes[8:] for _ in range(100)}
    os.waitpid(child, 0)
    sent = os.read(read, 1600)
    os.close(read)
    os.close(write)
    theirs = {sent[at : at + 8] for at in range(0, 1600, 8)}
    assert not ours & theirs


@given(instants, st.binary())
def test_the_same_instant_and_seed_make_the_same_id(at: datetime, seed: bytes) -> None:
    made = uuid7_of(at, seed)
    assert made == uuid7_of(at, seed)
    assert (made.version, made.variant) == (7, uuid.RFC_4122)
    assert made.int >> 80 == to_micros(at) // 1000


@given(instants, st.binary(), st.binary())
def test_another_seed_makes_another_id(at: datetime, one: bytes, other: bytes) -> None:
    assert (uuid7_of(at, one) == uuid7_of(at, other)) is (one == other)


@given(instants, st.integers(1, 10**12), st.binary(), st.binary())
def test_later_instants_make_greater_ids(
    at: datetime, micros: int, one: bytes, other: bytes
) -> None:
    assert uuid7_of(at, one) < uuid7_of(at + timedelta(microseconds=micros), other)
