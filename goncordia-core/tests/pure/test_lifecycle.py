"""The table, held against rules that are written here by hand: a wrong table can't pass itself."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from goncordia.lifecycle import (
    DORMANT,
    ENDED,
    LIVE,
    RULES,
    WAITING,
    Event,
    Facts,
    Rule,
    State,
    born,
    decide,
    visible,
)
from hypothesis import given
from hypothesis import strategies as st

ALL_FACTS = [Facts(*values) for values in product((False, True), repeat=len(Facts._fields))]
BY_OPERATOR = {Event.RETRY, Event.DELETE, Event.PRUNE}
BY_HOLDER = {Event.COMPLETE, Event.FAIL, Event.SNOOZE, Event.RELEASE}


def moves(
    *events: Event, states: frozenset[State] = frozenset(State)
) -> Iterator[tuple[Event, State, Facts, Rule]]:
    """All that may happen, by these events in these states."""
    for event, state, facts in product(events or Event, states, ALL_FACTS):
        rule = decide(event, state, facts)
        if rule is not None:
            yield event, state, facts, rule


def test_every_state_is_either_live_or_ended() -> None:
    assert set(State) == LIVE | ENDED
    assert not LIVE & ENDED
    assert {State.RUNNING} == LIVE - WAITING
    assert {State.AVAILABLE} == WAITING - DORMANT


def test_an_ended_job_moves_by_retry_delete_and_prune_only() -> None:
    assert {event for event, *_ in moves(states=ENDED)} == BY_OPERATOR


def test_every_live_job_can_end() -> None:
    """From each live state the events lead to an end, and no state is a trap."""
    ends = set(ENDED)
    while True:
        more = {state for _, state, _, rule in moves(states=LIVE) if rule.target in ends} - ends
        if not more:
            break
        ends |= more
    assert ends == set(State)


def test_only_a_claim_starts_a_job_and_only_a_due_one() -> None:
    starts = {(event, state) for event, state, _, r in moves() if r.target is State.RUNNING}
    assert starts - {(Event.CANCEL, State.RUNNING)} == {(Event.CLAIM, State.AVAILABLE)}


def test_what_a_holder_says_is_heard_only_while_the_job_runs() -> None:
    assert {state for _, state, _, _ in moves(*BY_HOLDER, Event.RESCUE)} == {State.RUNNING}


def test_whatever_a_holder_says_the_job_no_longer_runs() -> None:
    for event, facts in product((*BY_HOLDER, Event.RESCUE), ALL_FACTS):
        rule = decide(event, State.RUNNING, facts)
        assert rule is not None
        assert rule.target is not State.RUNNING


def test_a_completed_job_is_complete_even_when_its_cancel_was_requested() -> None:
    for _, _, _, rule in moves(Event.COMPLETE):
        assert rule.target is State.COMPLETED


def test_a_job_whose_cancel_was_requested_never_runs_again() -> None:
    for event, facts in product((Event.FAIL, Event.SNOOZE, Event.RELEASE, Event.RESCUE), ALL_FACTS):
        if facts.cancel_requested:
            rule = decide(event, State.RUNNING, facts)
            assert rule is not None
            assert rule.target is State.CANCELLED


def test_a_job_without_attempts_left_is_not_tried_again() -> None:
    """So that one which kills its process each time ends."""
    for event, facts in product((Event.FAIL, Event.RESCUE), ALL_FACTS):
        if not facts.attempts_left:
            rule = decide(event, State.RUNNING, facts)
            assert rule is not None
            assert rule.target in {State.DISCARDED, State.CANCELLED}


def test_a_failure_with_attempts_left_is_tried_again_unless_final() -> None:
    plain = Facts(attempts_left=True, cancel_requested=False, final=False)
    for event, final in ((Event.FAIL, False), (Event.RESCUE, False), (Event.RESCUE, True)):
        rule = decide(event, State.RUNNING, plain._replace(final=final))
        assert rule is not None
        assert rule.target is State.RETRYABLE
    rule = decide(Event.FAIL, State.RUNNING, plain._replace(final=True))
    assert rule is not None
    assert rule.target is State.DISCARDED


def test_attempts_are_counted_by_claims_and_given_back_by_snooze_and_release() -> None:
    for event, _, _, rule in moves():
        given_back = event in {Event.SNOOZE, Event.RELEASE} and rule.target is not State.CANCELLED
        assert rule.attempt == (1 if event is Event.CLAIM else -1 if given_back else 0)


def test_nobody_deletes_or_retries_or_amends_a_running_job() -> None:
    """Retry of a running job would run it twice."""
    operators = (Event.DELETE, Event.RETRY, Event.AMEND, Event.PRUNE, Event.CLAIM)
    assert not list(moves(*operators, states=frozenset({State.RUNNING})))


def test_only_delete_and_prune_remove() -> None:
    assert {event for event, _, _, rule in moves() if rule.target is None} == {
        Event.DELETE,
        Event.PRUNE,
    }


def test_nothing_is_pruned_before_its_time() -> None:
    assert all(facts.expired for _, _, facts, _ in moves(Event.PRUNE))


def test_cancel_ends_what_waits_and_asks_what_runs() -> None:
    for _, state, _, rule in moves(Event.CANCEL):
        assert rule.target is (State.RUNNING if state is State.RUNNING else State.CANCELLED)
    assert {state for _, state, _, _ in moves(Event.CANCEL)} == LIVE


def test_a_job_ahead_of_its_time_is_scheduled_and_another_available() -> None:
    for event, _, facts, rule in moves(Event.AMEND, Event.RETRY):
        assert rule.target is (State.SCHEDULED if facts.ahead else State.AVAILABLE), event
    for facts in ALL_FACTS:
        assert born(facts) is (State.SCHEDULED if facts.ahead else State.AVAILABLE)


def test_every_ended_job_can_be_retried() -> None:
    for state, facts in product(ENDED, ALL_FACTS):
        assert decide(Event.RETRY, state, facts) is not None


@pytest.mark.parametrize("rule", RULES)
def test_no_rule_is_dead(rule: Rule) -> None:
    assert any(met is rule for *_, met in moves(rule.event))


def test_a_rule_ends_a_job_when_its_target_is_an_end() -> None:
    for rule in RULES:
        assert rule.ends is (rule.target in {State.COMPLETED, State.DISCARDED, State.CANCELLED})


NOW = datetime(2026, 1, 1, tzinfo=UTC)


@given(st.sampled_from(State), st.timedeltas(timedelta(days=-1), timedelta(days=1)))
def test_a_dormant_job_whose_time_has_come_is_available(state: State, ahead: timedelta) -> None:
    shown = visible(state, NOW + ahead, NOW)
    if state in {State.SCHEDULED, State.RETRYABLE} and ahead <= timedelta(0):
        assert shown is State.AVAILABLE
    else:
        assert shown is state
