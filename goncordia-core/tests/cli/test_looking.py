"""`list`, `show`, `queues`, `sessions`; `pause`, `resume`, `prune`."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from goncordia.jobs import completed
from goncordia.retention import Retention

from .conftest import WENT_WRONG, Mail, Report, Shell, failed


def first(shell: Shell, *arguments: str) -> UUID:
    return UUID(shell.json("list", *arguments)["jobs"][0]["id"])


# Jobs.


def test_programs_read_jobs_with_what_they_carry(filled: Shell) -> None:
    told = filled.json("list", "--kind", "mail")
    assert told["cursor"] is None
    assert [job["state"] for job in told["jobs"]] == [
        *["available"] * 2,
        *["discarded"] * 2,
        "cancelled",
        "completed",
    ]
    assert told["jobs"][-1]["args"] == {"to": "0"}
    assert told["jobs"][-1]["result"] == {"sent": True}
    assert told["jobs"][-1]["tags"] == ["even"]
    assert told["jobs"][2]["errors"][0]["type"] == "ValueError"


def test_people_read_a_table(filled: Shell) -> None:
    lines = filled("list").splitlines()
    assert any("report" in line and "slow" in line and "in 23 h" in line for line in lines)
    assert sum("attempt 1 failed with ValueError: no [bold] good" in line for line in lines) == 3


def test_pages_follow_each_other(filled: Shell) -> None:
    page = filled.json("list", "--limit", "4")
    rest = filled.json("list", "--limit", "4", "--cursor", page["cursor"])
    assert [len(page["jobs"]), len(rest["jobs"]), rest["cursor"]] == [4, 3, None]
    assert f"There are more: --cursor {page['cursor']}" in filled("list", "--limit", "4")


def test_filters(filled: Shell) -> None:
    def n(*arguments: str) -> int:
        return len(filled.json("list", *arguments)["jobs"])

    assert n("--state", "discarded") == 2
    assert n("--state", "discarded", "--state", "completed") == 3
    assert n("--queue", "slow") == 1
    assert n("--kind", "mail", "--tag", "even") == 3
    assert n("--kind", "mail", "--tag", "even", "--state", "available") == 1
    assert filled("list", "--kind", "nobody") == "No job matches.\n"


def test_arguments_that_are_no_json_are_shown_as_text(shell: Shell) -> None:
    from goncordia.ids import uuid7
    from goncordia.jobs import NewJob

    shell.driver.store.insert([NewJob(uuid7(), "odd", b"\xff{")])
    assert shell.json("list")["jobs"][0]["args"] == "\ufffd{"


def test_a_job_is_shown_with_the_reasons(filled: Shell) -> None:
    job = first(filled, "--state", "scheduled")
    told = filled.json("show", job)
    assert told["job"]["kind"] == "report"
    assert [reason["reason"] for reason in told["reasons"]] == ["not due", "no worker"]
    said = filled("show", job)
    assert "\nWhy:\n- due in 23 h 59 min, at " in said
    assert "\n- no live worker on its queue 'slow': start one\n" in said
    assert "args          {}" in said


def test_so_are_its_errors_and_its_result(filled: Shell) -> None:
    said = filled("show", first(filled, "--state", "discarded"))
    assert "- ended: discarded, at " in said
    assert "- 2026-01-01 00:00:00 UTC: attempt 1 failed with ValueError: no [bold] good" in said
    assert said.endswith("\nTraceback: there\n")
    assert 'result        {"sent":true}' in filled("show", first(filled, "--state", "completed"))


def test_a_job_that_is_not_there(shell: Shell) -> None:
    nobody = uuid4()
    shell("show", nobody, status=1)
    assert f"there is no job {nobody}" in shell.err
    shell("show", "7", status=2)


# Queues and workers.


def test_queues_are_paused_and_resumed(shell: Shell) -> None:
    assert shell("queues") == "No queue was ever used.\n"
    assert shell("pause", "mail", "slow") == "Paused: mail, slow\n"
    assert all(queue["paused_at"] for queue in shell.json("queues"))
    assert shell("queues").count("since 20") == 2
    assert shell.json("resume", "mail") == {"queues": ["mail"], "paused": False}
    assert [bool(queue["paused_at"]) for queue in shell.json("queues")] == [False, True]
    shell("pause", status=2)
    assert "`goncordia queues` lists them" in shell.err
    shell("pause", "good", "no blanks", status=2)
    assert len(shell.json("queues")) == 2


def test_queues_say_what_waits_and_who_works(filled: Shell) -> None:
    filled.claim()
    default, slow = filled.json("queues")
    assert default == {
        "name": "default",
        "paused_at": None,
        "due": 1,
        "dormant": 0,
        "running": 1,
        "workers": 1,
        "slots": 3,
    }
    assert (slow["dormant"], slow["workers"]) == (1, 0)
    assert any("default" in line and "3" in line for line in filled("queues").splitlines())


def test_sessions(shell: Shell) -> None:
    assert shell("sessions") == "Nobody works.\n"
    shell.enqueue(Mail(to="ada"))
    shell.claim()
    [session] = shell.json("sessions")
    assert (session["worker"], session["alive"], session["silent"]) == ("host:7", True, False)
    assert (session["queues"], session["kinds"], session["ttl"]) == (["default"], ["mail"], 60.0)
    assert "alive" in shell("sessions")
    shell.driver.store.leave(UUID(session["id"]))
    assert "dead: its jobs wait to be rescued" in shell("sessions")


def test_a_session_that_nobody_declares_dead_is_silent(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    from goncordia.cli import sessions
    from goncordia.clock import utc_now

    shell.join()
    later = utc_now() + timedelta(minutes=5)
    monkeypatch.setattr(sessions, "utc_now", lambda: later)
    [session] = shell.json("sessions")
    assert (session["alive"], session["silent"]) == (True, True)
    assert "silent, last beat 5 min ago" in shell("sessions")


# Upkeep.


def test_what_was_kept_long_enough_is_pruned(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    from goncordia.cli import prune

    for n in range(5):
        shell.enqueue(Mail(to=str(n)))
    shell.end(completed, n=4)
    assert shell.json("prune") == {"n": 0, "more": False}
    store = shell.driver.store
    expired = store.prune

    def later(limit: int, *, now: object = None):
        from goncordia.clock import utc_now

        return expired(limit, now=utc_now() + Retention().completed * 2)

    monkeypatch.setattr(store, "prune", later)
    monkeypatch.setattr(prune, "BATCH", 2)
    assert shell("prune", "--limit", "1") == "1 jobs pruned; there are more than the limit.\n"
    assert shell.json("prune") == {"n": 3, "more": False}
    assert shell.states() == ["available"]
    shell("prune", "--limit", "0", status=2)


def test_reports_know_their_queue(shell: Shell) -> None:
    shell.enqueue(Report())
    shell.enqueue(Mail(to="ada"))
    shell.end(failed, WENT_WRONG, timedelta(hours=1))
    assert [job["queue"] for job in shell.json("list")["jobs"]] == ["default", "slow"]
    assert "in 59 min" in shell("list", "--state", "retryable")
