"""`retry`, `cancel`, `amend` and `delete`, by ids and by filters."""

from __future__ import annotations

import io
import sys
from uuid import uuid4

import pytest
from goncordia.cli.acting import FEW

from .conftest import Mail, Shell

STATES = ["completed", "cancelled", "discarded", "discarded", "available", "available", "scheduled"]


def replaced(states: list[str], **by: str) -> list[str]:
    return [by.get(state, state) for state in states]


class Person(io.StringIO):
    """Somebody at a terminal, who answers."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO())


def answers(monkeypatch: pytest.MonkeyPatch, *lines: str) -> None:
    monkeypatch.setattr(sys, "stdin", Person("".join(f"{line}\n" for line in lines)))


def test_one_is_cancelled_by_its_id_without_a_question(shell: Shell, nobody: None) -> None:
    job = shell.enqueue(Mail(to="ada"))
    assert shell("cancel", job) == f"{job} changed\n"
    assert shell.states() == ["cancelled"]


def test_programs_read_what_became_of_each(shell: Shell) -> None:
    jobs = [shell.enqueue(Mail(to="ada")), uuid4()]
    told = shell.json("cancel", *jobs, status=1)
    assert told["jobs"] == [
        {"id": str(jobs[0]), "answer": "changed"},
        {"id": str(jobs[1]), "answer": "missing"},
    ]
    assert (told["found"], told["acted"]) == (2, {"changed": 1, "missing": 1})
    assert "1 of 2 jobs were left as they are: missing (1): there is no such job" in shell.err


def test_what_can_not_be_done_says_why(filled: Shell) -> None:
    done = filled.do(lambda client: client.jobs(states=["completed"])).rows[0].id  # pyright: ignore
    filled("cancel", done, status=1)
    assert "wrong state (1): its state does not allow it" in filled.err
    [running] = filled.claim()
    assert filled("delete", running.id, status=1) == f"{running.id} running\n"
    assert "it runs: cancel it first" in filled.err
    assert filled("cancel", running.id) == f"{running.id} requested\n"


def test_a_filter_means_the_states_that_make_sense(filled: Shell) -> None:
    assert filled.states() == STATES
    assert filled("retry", "--kind", "mail", "--yes") == "2 jobs retried.\n"
    assert filled.states() == replaced(STATES, discarded="available")
    assert filled("cancel", "--kind", "mail", "--yes") == "4 jobs cancelled.\n"
    assert filled("amend", "--queue", "slow", "--priority", "-3", "--yes") == "1 jobs amended.\n"
    assert filled("delete", "--state", "cancelled", "--yes") == "5 jobs deleted.\n"
    assert filled.states() == ["completed", "scheduled"]
    assert filled("delete", "--state", "cancelled", "--yes") == "No job matches.\n"


def test_parts_of_a_filter_all_hold(filled: Shell) -> None:
    told = filled.json("cancel", "--kind", "mail", "--tag", "even", "--queue", "default", "--yes")
    assert told == {
        "found": 1,
        "acted": {"changed": 1},
        "more": False,
        "dry_run": False,
        "jobs": [],
    }


def test_running_ones_are_asked_to_stop(filled: Shell) -> None:
    filled.claim()
    said = filled("cancel", "--kind", "mail", "--yes")
    assert said == "1 jobs cancelled, 1 running ones asked to stop.\n"


def test_a_dry_run_only_counts(filled: Shell, nobody: None) -> None:
    assert filled("delete", "--kind", "mail", "--dry-run") == "6 jobs would be deleted.\n"
    assert filled.json("retry", "--kind", "mail", "--dry-run")["found"] == 2
    assert filled.json("retry", uuid4(), "--dry-run") == {
        "found": 1,
        "acted": {},
        "more": False,
        "dry_run": True,
        "jobs": [],
    }
    assert filled.states() == STATES


def test_a_limit_is_kept_and_told(filled: Shell) -> None:
    said = filled("delete", "--kind", "mail", "--limit", "4", "--yes")
    assert said == "4 jobs deleted; there are more than the limit.\n"
    assert filled.states() == ["completed", "cancelled", "scheduled"]


def test_a_person_is_asked_with_the_count(filled: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    answers(monkeypatch, "n")
    assert filled("cancel", "--kind", "mail", status=1) == ""
    assert "cancel 2 jobs?" in filled.err
    assert "nothing was touched" in filled.err
    assert filled.states() == STATES
    answers(monkeypatch, "maybe", "y")
    assert filled("cancel", "--kind", "mail") == "2 jobs cancelled.\n"
    assert filled.states() == replaced(STATES, available="cancelled")


def test_where_nobody_can_answer_nothing_is_touched(filled: Shell, nobody: None) -> None:
    filled("cancel", "--kind", "mail", status=2)
    assert "say --yes, or --dry-run" in filled.err
    assert filled.states() == STATES


def test_many_ids_are_asked_for_too(
    shell: Shell, nobody: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = [shell.enqueue(Mail(to=str(n))) for n in range(FEW + 1)]
    shell("delete", *jobs, status=2)
    answers(monkeypatch, "y")
    assert shell("delete", *jobs).count("changed") == FEW + 1
    assert f"delete {FEW + 1} jobs?" in shell.err


def test_times_are_given_as_such_or_as_spans(filled: Shell) -> None:
    at = "2030-01-01T08:00:00+01:00"
    filled("amend", "--kind", "mail", "--run-at", at, "--yes")
    assert filled.states() == replaced(STATES, available="scheduled")
    [row, *_] = filled.do(lambda client: client.jobs(kinds=["mail"])).rows
    assert row.run_at.isoformat() == "2030-01-01T07:00:00+00:00"
    filled("retry", "--kind", "mail", "--in", "1h30m", "--yes")
    assert filled.states() == replaced(STATES, available="scheduled", discarded="scheduled")


@pytest.mark.parametrize(
    ("arguments", "remedy"),
    [
        (["cancel"], "Name ids, or a filter: --state, --kind, --queue, --tag"),
        (["cancel", uuid4(), "--kind", "mail"], "not by both"),
        (["cancel", "7"], 'unable to convert "7" into UUID'),
        (["cancel", "--state", "lost"], '"available", "scheduled"'),
        (["amend", "--kind", "mail"], "Say --run-at, --in or --priority"),
        (["amend", "--kind", "mail", "--priority", "16"], "use -16 (last) to 15 (first)"),
        (["amend", "--kind", "mail", "--run-at", "2030-01-01"], "has no time zone"),
        (["retry", "--kind", "mail", "--in", "5m", "--run-at", "2030-01-01"], "not both"),
        (["delete", "--kind", "mail", "--limit", "0"], "limit=0"),
    ],
)
def test_wrong_usage_touches_nothing(filled: Shell, arguments: list[object], remedy: str) -> None:
    filled(*arguments, "--yes", status=2)
    assert remedy in filled.err
    assert filled.states() == STATES
