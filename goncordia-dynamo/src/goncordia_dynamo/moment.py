"""The instant of one operation, and the law as it is asked then."""

from __future__ import annotations

import time
from datetime import datetime

from goncordia.clock import When, as_utc, due
from goncordia.lifecycle import Event, Facts, Rule, State, decide, visible
from goncordia.retention import RESEND_WINDOW, Retention

from goncordia_dynamo.record import Record


class Moment:
    """Now, and how long what ends now is kept."""

    def __init__(self, now: datetime, retention: Retention) -> None:
        self.now = as_utc(now, "now")
        self.retention = retention

    def instant(self, when: When, name: str) -> datetime:
        """What `when` means now; raises `InvalidArgument` for a naive datetime."""
        return due(as_utc(when, name) if isinstance(when, datetime) else when, self.now)

    def state(self, record: Record) -> State:
        """As anyone sees it: due is available."""
        return visible(record.job.state, record.job.run_at, self.now)

    def settled(self, at: datetime | None) -> bool:
        """Whether nobody can still be about to learn of what was done then."""
        return at is not None and self.now - at > RESEND_WINDOW

    def ttl(self, state: State) -> int:
        """When DynamoDB may remove what ends now, by its own clock, in seconds."""
        return int(time.time() + self.retention.of(state).total_seconds()) + 1

    def step(self, record: Record, rule: Rule) -> None:
        """Go where a rule says."""
        job = record.job
        if rule.target is None:
            raise ValueError(f"{rule.event} removes a job")
        job.state = rule.target
        job.attempt += rule.attempt
        if job.state is not State.RUNNING:
            job.session = record.token = None
        if rule.ends:
            job.finished_at = self.now
            job.expire_at = self.now + self.retention.of(job.state)
            record.ttl = self.ttl(job.state)


def ask(event: Event, record: Record, *, cancel: bool = False, final: bool = False) -> Rule | None:
    """What the law says of an event that meets a running job."""
    job = record.job
    spent = job.attempt >= job.max_attempts
    return decide(event, job.state, Facts(not spent, job.cancel_requested or cancel, final))
