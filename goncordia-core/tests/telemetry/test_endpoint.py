"""Metrics over HTTP: a real scrape, by Prometheus' own parser, and whatever else may connect."""

from __future__ import annotations

import urllib.request
from contextlib import suppress
from typing import Any

import anyio
import pytest
from goncordia import Client, Job, Registry, worker_pool
from goncordia.errors import InvalidArgument
from goncordia.memory import MemoryDriver
from goncordia.telemetry import http
from goncordia.telemetry.http import Page, served
from goncordia.telemetry.prometheus import Prometheus
from goncordia.testing import FaultyDriver, refused
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as plain

from .conftest import Mail

pytestmark = pytest.mark.anyio


class Answer:
    """What an HTTP client got."""

    def __init__(self, response: Any) -> None:
        self.status = response.status
        self.headers = response.headers
        self.text = response.read().decode()


def fetch(port: int, path: str = "/metrics", **headers: str) -> Answer:
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers=headers)
    with urllib.request.urlopen(request, timeout=30) as response:
        return Answer(response)


async def scrape(port: int, **headers: str) -> Answer:
    return await anyio.to_thread.run_sync(lambda: fetch(port, **headers))


async def say(port: int, said: bytes) -> bytes:
    """What is answered to these bytes."""
    heard = b""
    async with await anyio.connect_tcp("127.0.0.1", port) as stream:
        await stream.send(said)
        try:
            while True:
                heard += await stream.receive()
        except anyio.EndOfStream:
            return heard


def samples(parse: Any, text: str) -> dict[tuple[str, str], float]:
    return {
        (sample.name, sample.labels.get("goncordia_job_status", "")): sample.value
        for family in parse(text)
        for sample in family.samples
    }


async def test_a_worker_is_scraped() -> None:
    prometheus, jobs = Prometheus(), Registry()

    @jobs.worker
    async def mail(job: Job[Mail]) -> None: ...

    async with (
        MemoryDriver() as driver,
        prometheus.served(driver, port=0) as port,
        worker_pool(driver, jobs, middleware=[prometheus.telemetry.middleware]) as pool,
    ):
        client = Client(driver)
        await client.enqueue_many([Mail("secret-ada"), Mail("bob")])
        await pool.idle()
        await client.enqueue(Mail(), queue="other")
        answer = await scrape(port)
        modern = await scrape(port, Accept="application/openmetrics-text; version=1.0.0")
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    found = samples(plain, answer.text)
    assert found["goncordia_job_count_total", "completed"] == 2
    assert found["goncordia_job_duration_seconds_count", "completed"] == 2
    assert found["goncordia_job_queue_time_seconds_count", ""] == 2
    assert (
        'goncordia_queue_depth{goncordia_job_queue="other",goncordia_job_state="available"} 1.0'
        in answer.text
    )
    assert 'goncordia_queue_oldest_age_seconds{goncordia_job_queue="other"}' in answer.text
    assert "secret-ada" not in answer.text
    assert modern.headers["Content-Type"].startswith("application/openmetrics-text")
    assert samples(openmetrics, modern.text)["goncordia_job_count_total", "completed"] == 2


async def test_each_scrape_looks_anew_and_a_store_that_is_away_hides_nothing_else() -> None:
    prometheus = Prometheus()
    faulty = FaultyDriver(MemoryDriver())
    async with prometheus.served(faulty, port=0) as port:
        prometheus.telemetry.meter.create_counter("other").add(1)
        await Client(faulty).enqueue(Mail())
        assert "goncordia_queue_depth{" in (await scrape(port)).text
        faulty.always(refused(), "stats", "queues")
        answer = await scrape(port)
    assert answer.status == 200
    assert "goncordia_queue_depth{" not in answer.text
    assert "other_total 1.0" in answer.text


async def page(accept: str) -> Page:
    return Page("text/plain", f"for {accept!r}".encode())


async def test_a_connection_is_closed_after_its_answer() -> None:
    async with served("/metrics", page, "127.0.0.1", 0) as port:
        said = await say(port, b"GET /metrics?x=1 HTTP/1.1\r\nHost: a\r\nAccept: b\r\n\r\n")
    head, _, body = said.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200")
    assert b"Connection: close" in head
    assert body == b"for 'b'"


async def test_head_has_the_headers_alone() -> None:
    async with served("/metrics", page, "127.0.0.1", 0) as port:
        said = await say(port, b"HEAD /metrics HTTP/1.0\r\n\r\n")
    assert b"Content-Length: 6" in said
    assert said.endswith(b"\r\n\r\n")


@pytest.mark.parametrize(
    ("request_line", "status"),
    [(b"GET / HTTP/1.0", b"404"), (b"POST /metrics HTTP/1.0", b"405")],
)
async def test_anything_else_is_refused(request_line: bytes, status: bytes) -> None:
    async with served("/metrics", page, "127.0.0.1", 0) as port:
        said = await say(port, request_line + b"\r\n\r\n")
    assert said.split()[1] == status


@pytest.mark.parametrize("noise", [b"\x16\x03\x01\r\n\r\n", b"GET /" + b"x" * 200_000])
async def test_noise_hurts_nobody(noise: bytes) -> None:
    async with served("/metrics", page, "127.0.0.1", 0) as port:
        with suppress(anyio.BrokenResourceError):  # it may hang up on us
            await say(port, noise)
        assert (await scrape(port)).status == 200


async def test_a_client_that_says_nothing_does_not_hold_up_the_end() -> None:
    async with served("/metrics", page, "127.0.0.1", 0) as port:
        silent = await anyio.connect_tcp("127.0.0.1", port)
        assert (await scrape(port)).status == 200
    async with silent:
        with pytest.raises((anyio.EndOfStream, anyio.BrokenResourceError)):
            await silent.receive()


async def test_a_client_that_goes_on_saying_nothing_is_hung_up_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(http, "PATIENCE", 0.01)
    async with (
        served("/metrics", page, "127.0.0.1", 0) as port,
        await anyio.connect_tcp("127.0.0.1", port) as silent,
    ):
        with pytest.raises((anyio.EndOfStream, anyio.BrokenResourceError)):
            await silent.receive()


async def test_a_page_that_can_not_be_made_ends_nothing(caplog: pytest.LogCaptureFixture) -> None:
    async def broken(accept: str) -> Page:
        raise LookupError

    async with served("/metrics", broken, "127.0.0.1", 0) as port:
        for _ in range(2):
            said = await say(port, b"GET /metrics HTTP/1.0\r\n\r\n")
            assert said.split()[1] == b"500"
    assert "LookupError" in caplog.text


async def test_a_port_that_is_taken_is_named() -> None:
    async with served("/metrics", page, "127.0.0.1", 0) as port:
        with pytest.raises(InvalidArgument, match=f"127.0.0.1:{port} .*use another port"):
            async with served("/metrics", page, "127.0.0.1", port):
                pass


async def test_what_the_block_raises_leaves_it_as_it_is() -> None:
    with pytest.raises(OSError, match="mine"):
        async with served("/metrics", page, "127.0.0.1", 0):
            raise OSError("mine")
