"""What always holds, stated by hand and without the lifecycle table.

The model executes the same table as many a driver: a table that is wrong would pass by itself. So
a ledger is kept beside it in the plainest way, from what was asked and answered.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime
from uuid import UUID

from goncordia.actions import Acted, Action, Cancel, Delete
from goncordia.answers import Finished, Inserted, Insertion
from goncordia.jobs import ClaimedJob, JobRow, Outcome
from goncordia.retention import RESEND_WINDOW

from goncordia_conformance.observe import Seen

WAITS = frozenset({"available", "scheduled", "retryable"})
ENDS = frozenset({"completed", "discarded", "cancelled"})


class Ledger:
    """Who exists, who runs under which token, who has ended, and which tokens are spent."""

    def __init__(self) -> None:
        self.exist: set[UUID] = set()
        self.holders: dict[UUID, UUID] = {}
        """Running jobs and the token that holds each."""
        self.ended: set[UUID] = set()
        self.recorded: set[tuple[UUID, UUID]] = set()
        """Tokens that recorded an outcome of a job."""
        self.faults: list[str] = []
        """What was wrong about answers, for the next check to tell."""

    # What was answered

    def inserted(self, answer: Inserted) -> None:
        """An insert that is committed."""
        if answer.status is Insertion.EXISTING or answer.status is Insertion.SKIPPED:
            return
        if answer.id in self.exist:
            self.faults.append("a job was created twice")
        self.exist.add(answer.id)
        if answer.status is Insertion.REPLACED and answer.other is not None:
            if answer.other in self.holders:
                self.faults.append("a running job was replaced")
            self.ended.add(answer.other)

    def claimed(self, job: ClaimedJob) -> None:
        """A job that came with a claim."""
        holder = self.holders.get(job.id, job.token)
        if holder != job.token:
            self.faults.append("a job was claimed while another claim held it")
        if job.id in self.ended:
            self.faults.append("a job was claimed after its end")
        if job.attempt > job.max_attempts:
            self.faults.append("a job was claimed beyond its attempts")
        self.holders[job.id] = job.token

    def finished(self, outcome: Outcome, answer: Finished) -> None:
        """An outcome that is committed."""
        mark = outcome.id, outcome.token
        held = self.holders.get(outcome.id) == outcome.token
        if held and answer is Finished.DONE:
            del self.holders[outcome.id]
            self.recorded.add(mark)
            self.exist.update(job.id for job in outcome.follow_ups if job.unique is None)
        elif held:
            self.faults.append(f"the holder of a job was answered {answer}")
        elif answer is Finished.DONE and mark not in self.recorded:
            self.faults.append("a token won that did not hold the job any more")

    def acted(self, uid: UUID, action: Action, answer: Acted) -> None:
        """An operator's action."""
        if answer is not Acted.CHANGED:
            return
        if uid in self.holders:
            self.faults.append("a running job was changed")
        if isinstance(action, Delete):
            self.exist.discard(uid)
            self.ended.discard(uid)
        elif isinstance(action, Cancel):
            self.ended.add(uid)
        else:
            self.ended.discard(uid)

    def pruned(self, before: Seen, after: Seen, n: int, now: datetime) -> None:
        """A prune; only what had ended and expired may be gone."""
        gone = set(before.rows) - set(after.rows)
        for uid in gone:
            row = before.rows[uid]
            if row.state not in ENDS or row.expire_at is None or row.expire_at > now:
                self.faults.append("prune removed a job before its time")
        if len(gone) != n:
            self.faults.append(f"prune answered {n} and removed {len(gone)}")
        self.exist -= gone
        self.ended -= gone

    def taken_back(self, after: Seen) -> None:
        """A rescue or a beat: what runs no more has lost its holder."""
        for uid in list(self.holders):
            row = after.rows.get(uid)
            if row is not None and row.state != "running":
                del self.holders[uid]

    # What holds after each step

    def check(self, seen: Seen, now: datetime) -> Iterator[str]:
        """Every rule that is broken."""
        yield from self.faults
        self.ended |= {
            uid for uid, row in seen.rows.items() if row.state in ENDS and uid not in self.holders
        }
        yield from self._nothing_is_lost(seen)
        yield from _counts_add_up(seen)
        yield from _oldest_is_there(seen, now)
        yield from _a_key_has_one_living_job(seen)
        for uid, row in seen.rows.items():
            if (uid in self.holders) != (row.state == "running"):
                yield f"a job is {row.state}, and by its claims and outcomes it should not be"
            if uid in self.ended and row.state not in ENDS:
                yield f"a job is {row.state} after its end"
            for rule in ROW_RULES:
                if not rule(row, now):
                    yield f"{rule.__doc__}: not so for the {row.state} job {row.id}"

    def _nothing_is_lost(self, seen: Seen) -> Iterator[str]:
        if seen.repeated:
            yield "a job is listed twice: it is in two states, or a page repeats it"
        if lost := self.exist - set(seen.rows):
            yield f"a job is lost: {len(lost)} that were committed and never removed are not there"
        self.exist |= {uid for uid, row in seen.rows.items() if row.kind == FOLLOW_UP}
        if extra := set(seen.rows) - self.exist:
            yield f"{len(extra)} jobs are there that nobody committed"


FOLLOW_UP = "follow_up"
"""The kind of jobs that an outcome brings: a unique one may be skipped without an answer."""


def _counts_add_up(seen: Seen) -> Iterator[str]:
    if seen.counts is None:
        return
    counted = {place: n for place, n in seen.counts.items() if n}
    there = Counter((row.queue, row.state.value) for row in seen.rows.values())
    if counted != there:
        yield f"stats do not add up to the jobs: {counted} counted, {dict(there)} listed"


def _oldest_is_there(seen: Seen, now: datetime) -> Iterator[str]:
    for queue, at in seen.oldest.items():
        rows = [r for r in seen.rows.values() if (r.queue, r.state) == (queue, "available")]
        listed = min((row.run_at for row in rows if row.run_at <= now), default=None)
        if at != listed:
            yield f"stats say that the oldest of {queue} is due since {at}; by the list: {listed}"


def _a_key_has_one_living_job(seen: Seen) -> Iterator[str]:
    living = Counter(
        row.unique.key
        for row in seen.rows.values()
        if row.unique is not None and row.state not in ENDS
    )
    if any(n > 1 for n in living.values()):
        yield "two living jobs hold one unique key"


def attempts(row: JobRow, now: datetime) -> bool:
    """Attempts stay within their limit, and a waiting job has one left."""
    return 0 <= row.attempt <= row.max_attempts - (row.state in WAITS)


def ends(row: JobRow, now: datetime) -> bool:
    """An ended job, and no other, says when it ended and is kept for the resend window."""
    if row.state not in ENDS:
        return row.finished_at is None and row.expire_at is None
    if row.finished_at is None or row.expire_at is None:
        return False
    return row.expire_at >= row.finished_at + RESEND_WINDOW


def runs(row: JobRow, now: datetime) -> bool:
    """A running job, and no other, names its session."""
    return (row.state == "running") == (row.session is not None)


def waits(row: JobRow, now: datetime) -> bool:
    """A scheduled or retryable job is ahead of its time, else it is available."""
    return row.state not in ("scheduled", "retryable") or row.run_at > now


def times(row: JobRow, now: datetime) -> bool:
    """Times are aware and in UTC."""
    told = (row.run_at, row.created_at, row.attempted_at, row.finished_at, row.expire_at)
    return all(at is None or (at.tzinfo and not at.utcoffset()) for at in told)


ROW_RULES: tuple[Callable[[JobRow, datetime], bool], ...] = (attempts, ends, runs, waits, times)
