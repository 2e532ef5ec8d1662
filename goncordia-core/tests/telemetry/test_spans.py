"""Spans of enqueuing and of attempts, linked through the job."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import anyio
import pytest
from goncordia import Cancel, Discard, Enqueue, Fixed, Job, RetryAt, Snooze, never
from goncordia.errors import Unavailable
from goncordia.telemetry import Status
from goncordia.testing import work
from opentelemetry import baggage, context
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanContext, SpanKind, StatusCode, get_current_span

from .conftest import Mail, Rig, Text

pytestmark = pytest.mark.anyio


def spot(span: ReadableSpan) -> SpanContext:
    """Where it is."""
    assert span.context is not None
    return span.context


def told(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


async def test_an_enqueue_is_a_span_of_a_producer(rig: Rig) -> None:
    enqueued = await rig.client.enqueue(Mail("ada"), queue="mail")
    [span] = rig.spans("goncordia.enqueue")
    assert span.kind is SpanKind.PRODUCER
    assert span.status.status_code is StatusCode.UNSET
    assert told(span) == {
        "goncordia.job.kind": "mail",
        "goncordia.job.queue": "mail",
        "goncordia.job.id": str(enqueued.id),
        "goncordia.enqueue.in_transaction": False,
        "messaging.system": "goncordia",
        "messaging.operation.name": "enqueue",
        "messaging.operation.type": "send",
        "messaging.destination.name": "mail",
        "messaging.message.id": str(enqueued.id),
    }
    scope = span.instrumentation_scope
    assert scope is not None
    assert (scope.name, scope.schema_url) == (
        "goncordia",
        "https://opentelemetry.io/schemas/1.44.0",
    )


async def test_an_attempt_is_a_span_of_a_consumer_linked_to_it(rig: Rig) -> None:
    @rig.jobs.worker
    async def mail(job: Job[Mail]) -> None: ...

    tracer = rig.tracers.get_tracer("application")
    with tracer.start_as_current_span("request"):
        enqueued = await rig.client.enqueue(Mail("ada"))
    await rig.run()
    [sent], [span] = rig.spans("goncordia.enqueue"), rig.spans("goncordia.process")
    [request] = rig.spans("request")
    assert sent.parent is not None
    assert sent.parent.span_id == spot(request).span_id
    assert span.kind is SpanKind.CONSUMER
    assert told(span) == {
        "goncordia.job.kind": "mail",
        "goncordia.job.queue": "default",
        "goncordia.job.id": str(enqueued.id),
        "goncordia.job.attempt": 1,
        "goncordia.job.status": "completed",
        "messaging.system": "goncordia",
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.destination.name": "default",
        "messaging.message.id": str(enqueued.id),
    }
    assert span.parent is None
    [link] = span.links
    assert link.context.trace_id == spot(sent).trace_id != spot(span).trace_id
    assert link.context.span_id == spot(sent).span_id


async def test_a_sync_client_does_the_same(rig: Rig) -> None:
    @rig.jobs.worker
    def mail(job: Job[Mail]) -> None: ...

    rig.sync_client.enqueue(Mail("ada"))
    await rig.run()
    [sent], [span] = rig.spans("goncordia.enqueue"), rig.spans("goncordia.process")
    assert [link.context.span_id for link in span.links] == [spot(sent).span_id]


@pytest.mark.parametrize("sync", [False, True])
async def test_a_batch_is_one_span_to_which_all_are_linked(rig: Rig, sync: bool) -> None:
    @rig.jobs.worker
    async def mail(job: Job[Mail]) -> None: ...

    @rig.jobs.worker
    async def text(job: Job[Text]) -> None: ...

    requests = [Mail("ada"), Mail("bob"), Enqueue(Text("1"), queue="text", meta={"mine": 1})]
    if sync:
        rig.sync_client.enqueue_many(requests)
    else:
        await rig.client.enqueue_many(requests)
    await rig.run()
    [sent] = rig.spans("goncordia.enqueue")
    assert told(sent) == {
        "goncordia.enqueue.in_transaction": False,
        "messaging.system": "goncordia",
        "messaging.operation.name": "enqueue",
        "messaging.operation.type": "send",
        "messaging.batch.message_count": 3,
    }
    spans = rig.spans("goncordia.process")
    assert len(spans) == 3 - 1  # nobody works on the queue of the text
    assert {link.context.span_id for span in spans for link in span.links} == {spot(sent).span_id}
    [row] = (await rig.client.jobs(kinds=["text"])).rows
    assert json.loads(row.meta)["mine"] == 1


async def test_a_batch_of_one_kind_says_which(rig: Rig) -> None:
    await rig.client.enqueue_many([Mail("ada"), Mail("bob")])
    [sent] = rig.spans("goncordia.enqueue")
    assert (told(sent)["goncordia.job.kind"], told(sent)["goncordia.job.queue"]) == (
        "mail",
        "default",
    )
    assert "goncordia.job.id" not in told(sent)


async def test_each_attempt_is_linked(rig: Rig) -> None:
    @rig.jobs.worker(retry=Fixed(timedelta(0)))
    async def mail(job: Job[Mail]) -> None:
        if job.attempt == 1:
            raise LookupError("secret")

    await rig.client.enqueue(Mail("ada"))
    await rig.run()
    first, second = rig.spans("goncordia.process")
    assert [told(span)["goncordia.job.attempt"] for span in (first, second)] == [1, 2]
    assert first.links[0].context == second.links[0].context
    assert first.status.status_code is StatusCode.ERROR
    assert told(first)["error.type"] == "LookupError"
    assert second.status.status_code is StatusCode.UNSET


async def test_a_follow_up_is_linked_to_its_own_enqueue_within_the_attempt(rig: Rig) -> None:
    @rig.jobs.worker
    async def mail(job: Job[Mail]) -> None:
        job.then(Text("1"))

    @rig.jobs.worker
    async def text(job: Job[Text]) -> None: ...

    await rig.client.enqueue(Mail("ada"))
    await rig.run()
    _, follow_up = rig.spans("goncordia.enqueue")
    first, second = rig.spans("goncordia.process")
    assert follow_up.parent is not None
    assert follow_up.parent.span_id == spot(first).span_id
    assert second.links[0].context.span_id == spot(follow_up).span_id


async def test_the_handler_runs_within_the_span_with_the_baggage(rig: Rig) -> None:
    seen = []

    @rig.jobs.worker
    async def mail(job: Job[Mail]) -> None:
        await anyio.lowlevel.checkpoint()
        seen.append((get_current_span().get_span_context().span_id, baggage.get_baggage("user")))

    token = context.attach(baggage.set_baggage("user", "ada"))
    try:
        await rig.client.enqueue(Mail())
    finally:
        context.detach(token)
    await rig.run()
    [span] = rig.spans("goncordia.process")
    assert seen == [(spot(span).span_id, "ada")]
    assert not get_current_span().get_span_context().is_valid


async def test_it_leaves_the_context_as_it_was(rig: Rig) -> None:
    """Also where no pool keeps each job's apart."""

    async def mail(job: Job[Mail]) -> bool:
        return get_current_span().get_span_context().is_valid

    with rig.tracers.get_tracer("application").start_as_current_span("test") as outer:
        worked = await work(mail, Mail(), middleware=[rig.telemetry.middleware])
        assert worked.result is True
        assert get_current_span() is outer


async def test_a_pool_inside_a_span_does_not_make_it_every_jobs_parent(rig: Rig) -> None:
    @rig.jobs.worker
    async def mail(job: Job[Mail]) -> None: ...

    with rig.tracers.get_tracer("application").start_as_current_span("lifespan"):
        await rig.client.enqueue(Mail())
        await rig.run()
    [span] = rig.spans("goncordia.process")
    assert span.parent is None


async def test_a_job_that_was_enqueued_without_telemetry_has_no_link(rig: Rig) -> None:
    @rig.jobs.worker
    async def mail(job: Job[Mail]) -> None: ...

    untold = type(rig.client)(rig.driver, clock=rig.clock)
    await untold.enqueue(Mail())
    await untold.enqueue(Mail(), meta={"goncordia.trace": "not ours"})
    await rig.run()
    assert [span.links for span in rig.spans("goncordia.process")] == [(), ()]


async def test_an_insert_that_fails_is_told(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(*args: object, **kwargs: object) -> None:
        raise Unavailable("sqlite:///secret")

    monkeypatch.setattr(rig.driver, "insert", away)
    async with anyio.create_task_group() as tasks:

        @tasks.start_soon
        async def enqueue() -> None:
            with pytest.raises(Unavailable):
                await rig.client.enqueue(Mail())

        await rig.clock.advance(10)
    [span] = rig.spans("goncordia.enqueue")
    assert span.status.status_code is StatusCode.ERROR
    assert told(span)["error.type"] == "Unavailable"
    assert "secret" not in span.to_json()


async def test_a_cancelled_enqueue_ends_its_span_and_leaves_no_context(rig: Rig) -> None:
    with anyio.CancelScope() as scope:
        scope.cancel()
        await rig.client.enqueue(Mail())
    assert not get_current_span().get_span_context().is_valid
    [span] = rig.spans("goncordia.enqueue")
    assert span.status.status_code is StatusCode.ERROR


async def test_an_insert_in_a_transaction_says_so(rig: Rig) -> None:
    async with rig.driver.begin() as tx:
        await rig.client.enqueue(Mail(), tx=tx)
    [span] = rig.spans("goncordia.enqueue")
    assert told(span)["goncordia.enqueue.in_transaction"] is True


VERDICTS = {
    "snoozed": Snooze(60),
    "failed": RetryAt(timedelta(hours=1)),
    "discarded": Discard(),
    "cancelled": Cancel(),
}


@pytest.mark.parametrize("status", VERDICTS)
async def test_a_verdict_is_told_as_what_becomes_of_the_job(rig: Rig, status: str) -> None:
    @rig.jobs.worker
    async def mail(job: Job[Mail]) -> None:
        async with anyio.create_task_group():
            raise VERDICTS[status]

    await rig.client.enqueue(Mail())
    await rig.run()
    [span] = rig.spans("goncordia.process")
    assert told(span)["goncordia.job.status"] == status
    is_error = span.status.status_code is StatusCode.ERROR
    assert is_error is (status in ("failed", "discarded"))


async def test_the_last_failure_discards(rig: Rig) -> None:
    @rig.jobs.worker(retry=never)
    def mail(job: Job[Mail]) -> None:
        raise LookupError

    await rig.client.enqueue(Mail(), max_attempts=1)
    await rig.run()
    [span] = rig.spans("goncordia.process")
    assert told(span)["goncordia.job.status"] == Status.DISCARDED


async def test_a_timeout_and_cancels_are_told_apart(rig: Rig) -> None:
    @rig.jobs.worker(timeout=60)
    async def mail(job: Job[Mail]) -> None:
        if job.args.to == "self":
            job.cancel()
        await anyio.sleep_forever()

    async with rig.pool() as pool:
        await rig.client.enqueue(Mail("late"))
        await rig.client.enqueue(Mail("self"))
        asked = await rig.client.enqueue(Mail("asked"))
        await pool.settled()
        await rig.client.cancel(asked.id)
        await pool.settled()
        await rig.clock.advance(60)
        await pool.settled()
        await rig.client.enqueue(Mail("given back"))
        await pool.settled()
        pool.stop()
    said = [
        (told(span)["goncordia.job.status"], told(span).get("error.type"))
        for span in rig.spans("goncordia.process")
    ]
    assert sorted(said, key=str) == [
        ("cancelled", None),
        ("cancelled", None),
        ("failed", "JobTimeout"),
        ("released", None),
    ]


async def test_messages_are_told_only_where_asked(make: Callable[..., Rig]) -> None:
    for exceptions in (False, True):
        rig = make(exceptions=exceptions)

        @rig.jobs.worker(retry=never)
        async def mail(job: Job[Mail]) -> None:
            raise LookupError(f"no such user: {job.args.to}")

        await rig.client.enqueue(Mail("ada-the-secret"))
        await rig.run()
        everything = "".join(span.to_json() for span in rig.exporter.get_finished_spans())
        assert ("ada-the-secret" in everything) is exceptions


async def test_without_a_provider_nothing_travels(rig: Rig) -> None:
    """The global providers do nothing until the application sets some."""
    from goncordia.telemetry import Telemetry

    silent = type(rig.client)(rig.driver, enqueuing=[Telemetry().enqueuing])
    enqueued = await silent.enqueue(Mail())
    row = await rig.client.get(enqueued.id)
    assert row is not None
    assert row.meta == b""
