"""A job is checked at the door and carries what was said, else what its class says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta, timezone
from itertools import count
from math import nan
from typing import cast
from uuid import NAMESPACE_OID, UUID, uuid4, uuid5

import pytest
from goncordia import codec
from goncordia.answers import Insertion
from goncordia.args import Args
from goncordia.clock import When
from goncordia.enqueue import TAGS_LIMIT, Enqueue, Enqueued, new_job, new_jobs
from goncordia.errors import ArgsError, InvalidArgument, PayloadTooLarge
from goncordia.jobs import Conflict, NewJob
from goncordia.unique import Unique
from hypothesis import given
from hypothesis import strategies as st

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ONCE = Unique(on_conflict=Conflict.RAISE)


class Plain(Args, kind="plain"):
    n: int = 0


class Special(Args, kind="special", version=4, queue="q", priority=3, max_attempts=9, unique=ONCE):
    n: int = 0


class Free(Args, kind="free"):
    value: object


def mint(kind: str, queue: str) -> UUID:
    return uuid4()


def make(request: Enqueue, limit: int = 1000) -> NewJob:
    return new_job(request, mint, NOW, limit)


def test_nothing_said_is_as_the_class_says() -> None:
    plain, special = make(Enqueue(Plain(7))), make(Enqueue(Special(7)))
    assert (plain.kind, plain.args, plain.version) == ("plain", b'{"n":7}', 1)
    assert (plain.queue, plain.priority, plain.max_attempts) == ("default", 0, 25)
    assert (plain.run_at, plain.unique, plain.tags, plain.meta) == (None, None, (), b"")
    assert (special.queue, special.priority, special.max_attempts) == ("q", 3, 9)
    assert special.version == 4
    assert special.unique == ONCE.of(Special(7), "q", NOW)


@given(
    st.sampled_from([Plain(1), Special(1)]),
    st.sampled_from(["default", "x"]),
    st.integers(-16, 15),
    st.integers(1, 32_767),
)
def test_what_is_said_counts(args: Args, queue: str, priority: int, attempts: int) -> None:
    rule = Unique(queue=True)
    job = make(Enqueue(args, queue=queue, priority=priority, max_attempts=attempts, unique=rule))
    assert (job.queue, job.priority, job.max_attempts) == (queue, priority, attempts)
    assert job.unique == rule.of(args, queue, NOW)


def test_the_id_is_made_for_the_kind_and_queue() -> None:
    seen: list[tuple[str, str]] = []

    def noting(kind: str, queue: str) -> UUID:
        seen.append((kind, queue))
        return uuid4()

    new_job(Enqueue(Special()), noting, NOW)
    new_job(Enqueue(Special(), queue="other"), noting, NOW)
    assert seen == [("special", "q"), ("special", "other")]


class Urgent(Args, kind="urgent", version=2, queue="q", priority=3, max_attempts=9):
    n: int = 0


REQUESTS = [
    *(Plain(1), Urgent(1), Special(1), Free(None)),
    *(Enqueue(Plain(2)), Enqueue(Urgent(2), queue="x", tags=["a"], unique=ONCE)),
]


def numbered() -> Callable[[str, str], UUID]:
    numbers = count()
    return lambda kind, queue: uuid5(NAMESPACE_OID, f"{kind} {queue} {next(numbers)}")


@given(st.lists(st.sampled_from(REQUESTS)))
def test_a_batch_is_made_as_each_by_itself(requests: list[Args | Enqueue]) -> None:
    """Bare args go a shorter way, and come out the same."""
    one = numbered()
    alone = [new_job(request, one, NOW) for request in requests]
    assert new_jobs(iter(requests), numbered(), NOW) == alone


@pytest.mark.parametrize(
    ("message", "refused", "error"),
    [
        ("args of free can't be encoded: JSON has no place for nan", Free(nan), ArgsError),
        ("args of free: .* the limit is 100", Free("x" * 100), PayloadTooLarge),
        ("Args has no kind", Args(), InvalidArgument),
        ("'hello' is no Args; enqueue an instance", "hello", InvalidArgument),
        ("Plain'> is no Args; enqueue an instance", Plain, InvalidArgument),
    ],
)
def test_a_batch_is_refused_as_its_bad_one_is(
    message: str, refused: object, error: type[Exception]
) -> None:
    requests = [Plain(1), Plain(2), cast("Args", refused), Plain(3)]
    with pytest.raises(error, match=message):
        new_jobs(requests, mint, NOW, 100)


def test_an_instant_is_kept_in_utc_and_a_span_as_it_is() -> None:
    """The store adds the span by its own clock."""
    west = datetime(2026, 1, 1, 4, 30, tzinfo=timezone(timedelta(hours=-8)))
    job = make(Enqueue(Plain(), run_at=west))
    assert isinstance(job.run_at, datetime)
    assert (job.run_at, job.run_at.tzinfo) == (datetime(2026, 1, 1, 12, 30, tzinfo=UTC), UTC)
    assert make(Enqueue(Plain(), run_at=timedelta(hours=1))).run_at == timedelta(hours=1)


@pytest.mark.parametrize("when", [NOW + timedelta(hours=3), timedelta(hours=3)])
def test_a_period_counts_by_when_the_job_runs(when: When) -> None:
    rule = Unique(period=timedelta(hours=1))
    job = make(Enqueue(Plain(), run_at=when, unique=rule))
    assert job.unique == rule.of(Plain(), "default", NOW + timedelta(hours=3))
    assert job.unique != make(Enqueue(Plain(), unique=rule)).unique


def test_tags_are_kept_once_each_in_their_order() -> None:
    assert make(Enqueue(Plain(), tags=["b", "a c", "b", "é"])).tags == ("b", "a c", "é")


@given(st.dictionaries(st.text("ab"), st.none() | st.integers(0, 9) | st.text("ab")))
def test_meta_comes_back(meta: Mapping[str, object]) -> None:
    assert codec.decode_object(make(Enqueue(Plain(), meta=meta)).meta) == meta


REFUSED: list[tuple[str, Enqueue]] = [
    (r"run_at=.* has no time zone; use", Enqueue(Plain(), run_at=datetime(2026, 1, 1))),
    (r"run_at=1969.*: use a time from", Enqueue(Plain(), run_at=datetime(1969, 1, 1, tzinfo=UTC))),
    (r"run_at=9999.*: use", Enqueue(Plain(), run_at=datetime.max.replace(tzinfo=UTC))),
    (r"run_at=.*: use", Enqueue(Plain(), run_at=timedelta.max)),
    (r"run_at=.*: use", Enqueue(Plain(), run_at=timedelta.min)),
    (r"run_at=.*: use", Enqueue(Plain(), run_at=datetime.max.replace(tzinfo=timezone.min))),
    (r"queue='a b': use", Enqueue(Plain(), queue="a b")),
    (r"queue='': use", Enqueue(Plain(), queue="")),
    (r"priority=16: use -16", Enqueue(Plain(), priority=16)),
    (r"max_attempts=0: use 1", Enqueue(Plain(), max_attempts=0)),
    (r"tags='urgent': use a list", Enqueue(Plain(), tags="urgent")),
    (r"tag '': use 1 to 128", Enqueue(Plain(), tags=[""])),
    (r"tag 'a\\x00': use", Enqueue(Plain(), tags=["a\x00"])),
    (r"tag '\\ud800': use", Enqueue(Plain(), tags=["\ud800"])),
    (r"tag 'x+': use", Enqueue(Plain(), tags=["x" * 129])),
    (r"tags: 33 of them, the limit is 32", Enqueue(Plain(), tags=list(map(str, range(33))))),
    (r"names 'm'; Plain has n", Enqueue(Plain(), unique=Unique(fields=("m",)))),
    (r"is no Args; enqueue an instance", Enqueue(Plain)),  # pyright: ignore[reportArgumentType]
    (r"Args has no kind", Enqueue(Args())),
]


@pytest.mark.parametrize(("message", "request_"), REFUSED)
def test_what_no_store_takes_is_named_with_the_remedy(message: str, request_: Enqueue) -> None:
    with pytest.raises(InvalidArgument, match=message):
        make(request_)


def test_as_many_tags_as_the_limit_are_taken() -> None:
    tags = [str(n) * 3 for n in range(TAGS_LIMIT)]
    assert make(Enqueue(Plain(), tags=tags)).tags == tuple(tags)


def test_what_json_can_not_hold_is_refused_by_name() -> None:
    with pytest.raises(ArgsError, match="^args of free can't be encoded"):
        make(Enqueue(Free(object())))
    with pytest.raises(ArgsError, match="^meta can't be encoded"):
        make(Enqueue(Plain(), meta={"at": object()}))


def test_the_limit_counts_for_args_and_for_meta() -> None:
    fits = "x" * (100 - len('{"value":""}'))
    assert len(make(Enqueue(Free(fits), meta={"value": fits}), 100).args) == 100
    with pytest.raises(PayloadTooLarge, match="^args of free: 101 bytes, the limit is 100"):
        make(Enqueue(Free(fits + "x")), 100)
    with pytest.raises(PayloadTooLarge, match="^meta: 101 bytes, the limit is 100"):
        make(Enqueue(Plain(), meta={"value": fits + "x"}), 100)


@pytest.mark.parametrize("status", Insertion)
def test_the_answer_says_which_job_there_is(status: Insertion) -> None:
    asked, other = uuid4(), uuid4()
    has_other = status in {Insertion.SKIPPED, Insertion.REPLACED}
    answer = Enqueued(asked, status, other if has_other else None)
    assert answer.created is (status is not Insertion.SKIPPED)
    assert answer.job_id == (other if status is Insertion.SKIPPED else asked)
