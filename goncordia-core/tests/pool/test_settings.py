"""What a pool refuses at its door, before anything starts."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from goncordia import Registry, worker_pool
from goncordia.errors import CapabilityMissing, InvalidArgument
from goncordia.memory import STRONG, MemoryDriver

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"concurrency": 0}, "concurrency=0"),
        ({"queues": []}, "queues"),
        ({"queues": "mail"}, "queues='mail'"),
        ({"queues": ["a b"]}, "a b"),
        ({"poll": 0}, "poll=0"),
        ({"poll": -1}, "poll=-1"),
        ({"poll": float("nan")}, "poll=nan"),
        ({"beat_every": 0}, "beat_every=0"),
        ({"beat_every": 10, "session_ttl": 39}, "session_ttl=39"),
        ({"session_ttl": float("inf")}, "session_ttl=inf"),
        ({"flush_timeout": float("inf")}, "flush_timeout=inf"),
        ({"flush_timeout": timedelta(seconds=-1)}, "flush_timeout"),
        ({"shutdown_timeout": timedelta(days=9999)}, "shutdown_timeout"),
        ({"weights": {"mial": 2}}, "weights: this pool has no 'mial', it has default"),
        ({"weights": {"default": 0}}, "weights={'default': 0}"),
        ({"weights": {"default": 0.5}}, "weights={'default': 0.5}"),
        ({"queue_limits": {"default": float("nan")}}, "queue_limits={'default': nan}"),
        ({"queue_limits": {"mial": 2}}, "queue_limits: this pool has no 'mial'"),
        ({"kind_limits": {"mail": 2}}, "kind_limits: this pool has no 'mail', it has none"),
    ],
)
async def test_options_that_can_not_work_name_value_and_remedy(options, word):
    async with MemoryDriver() as driver:
        with pytest.raises(InvalidArgument, match=word):
            async with worker_pool(driver, Registry(), **options):
                raise AssertionError
        assert await driver.sessions() == []


async def test_a_store_that_promises_too_little_is_refused():
    driver = MemoryDriver(capabilities=replace(STRONG, exclusive_claim="advisory"))
    with pytest.raises(CapabilityMissing):
        async with worker_pool(driver, Registry(), require=["exclusive_claim=strict"]):
            raise AssertionError
    assert await driver.sessions() == []


async def test_spans_may_be_timedeltas():
    async with (
        MemoryDriver() as driver,
        worker_pool(
            driver, Registry(), beat_every=timedelta(seconds=2), session_ttl=timedelta(minutes=1)
        ),
    ):
        [session] = await driver.sessions()
        assert session.ttl == timedelta(minutes=1)
