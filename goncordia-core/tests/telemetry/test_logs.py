"""Jobs in the log: by fields, never by arguments."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Generator
from datetime import timedelta
from typing import Any

import anyio
import pytest
from goncordia import Client, Fixed, Job, Registry, Snooze, worker_pool
from goncordia.logs import JobFields, JobLog, JsonLines
from goncordia.memory import MemoryDriver
from goncordia.testing import MockClock, work

from .conftest import Mail, Text

pytestmark = pytest.mark.anyio


@pytest.fixture
def lines() -> Generator[Any]:
    """What the root logger writes as JSON, parsed."""
    stream, root = io.StringIO(), logging.getLogger()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLines())
    handler.addFilter(JobFields())
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    try:
        yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    finally:
        root.removeHandler(handler)
        root.setLevel(before)


async def run(jobs: Registry, *requests: Any, clock: Any = None) -> list[str]:
    """Their ids."""
    async with (
        MemoryDriver() as driver,
        worker_pool(driver, jobs, middleware=[JobLog(clock)]) as pool,
    ):
        enqueued = await Client(driver).enqueue_many(requests)
        await pool.idle()
    return [str(each.id) for each in enqueued]


async def test_each_attempt_is_a_line(lines: Any) -> None:
    jobs = Registry()

    @jobs.worker(retry=Fixed(timedelta(0)))
    async def mail(job: Job[Mail]) -> None:
        if job.attempt == 1:
            raise LookupError("secret-ada")

    @jobs.worker
    def text(job: Job[Text]) -> None:
        raise Snooze(60)

    mail_id, text_id = await run(jobs, Mail("secret-ada"), Text("secret-1"), clock=MockClock())
    told = [line for line in lines() if line["logger"] == "goncordia.jobs"]
    assert {
        (line["job_id"], line["job_attempt"], line["job_status"], line["level"]) for line in told
    } == {
        (mail_id, 1, "failed", "WARNING"),
        (mail_id, 2, "completed", "INFO"),
        (text_id, 1, "snoozed", "INFO"),
    }
    [failed] = [line for line in told if line["job_status"] == "failed"]
    assert (failed["job_kind"], failed["job_queue"], failed["job_error"]) == (
        "mail",
        "default",
        "LookupError",
    )
    assert failed["message"] == (
        f"job {mail_id} of kind mail failed after 0.000 s (attempt 1: LookupError)"
    )
    assert "secret" not in json.dumps(lines())


async def test_what_a_handler_logs_is_marked_with_its_job(lines: Any) -> None:
    jobs, log = Registry(), logging.getLogger("shop")

    @jobs.worker
    async def mail(job: Job[Mail]) -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(anyio.lowlevel.checkpoint)
        log.info("sent")

    @jobs.worker
    def text(job: Job[Text]) -> None:
        log.info("texted")

    log.info("before")
    mail_id, text_id = await run(jobs, Mail(), Text())
    log.info("after")
    told = {line["message"]: line.get("job_id") for line in lines() if line["logger"] == "shop"}
    assert told == {"before": None, "sent": mail_id, "texted": text_id, "after": None}


async def test_the_mark_ends_with_the_attempt(lines: Any) -> None:
    """Also where no pool keeps each job's context apart."""

    async def mail(job: Job[Mail]) -> None: ...

    await work(mail, Mail(), middleware=[JobLog()])
    logging.getLogger("shop").info("after")
    assert "job_id" not in lines()[-1]


async def test_a_record_keeps_what_it_says_itself(lines: Any) -> None:
    logging.getLogger("shop").info("mine", extra={"job_id": "another"})
    assert lines()[0]["job_id"] == "another"


async def test_an_exception_is_in_the_line(lines: Any) -> None:
    try:
        raise LookupError("gone")
    except LookupError:
        logging.getLogger("shop").exception("it failed")
    [line] = lines()
    assert line["message"] == "it failed"
    assert line["exception"].endswith("LookupError: gone\n")
    assert line["time"].endswith("Z")
