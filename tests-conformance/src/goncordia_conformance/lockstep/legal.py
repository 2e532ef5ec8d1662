"""Which answers of a claim are legal, where the store may choose."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from goncordia.capabilities import Capabilities
from goncordia.jobs import JobRow
from goncordia.sessions import Claim, Claims

EARLY, LATE = 1.0, 0.001
"""Seconds by which `next_due_in` may be off."""
HUNGER = 4
"""So many claims in a row may give nothing of a queue that has due jobs."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What there was to choose from, and what the store took of it."""

    promised: Capabilities
    claim: Claim
    answer: Claims
    held: frozenset[UUID]
    """What the token held before."""
    due: Mapping[str, Sequence[JobRow]]
    """By wanted queue, first things first."""
    ahead: Sequence[datetime]
    paused: frozenset[str]
    now: datetime

    @property
    def ids(self) -> list[UUID]:
        """What came, in its order."""
        return [job.id for job in self.answer.jobs]

    def taken(self, queue: str) -> list[JobRow]:
        """What was taken afresh of a queue, in the order of the answer."""
        rows = {row.id: row for row in self.due[queue]}
        return [rows[uid] for uid in self.ids if uid in rows]

    def left(self, queue: str) -> list[JobRow]:
        """What is due and was not taken."""
        ids = set(self.ids)
        return [row for row in self.due[queue] if row.id not in ids and not self.early(row)]

    def early(self, row: JobRow) -> bool:
        """Whether it was due before the clock stepped back: a store may wait till it is again."""
        return row.run_at > self.now

    def put_off(self) -> list[datetime]:
        """When those that the store waits with will be due again."""
        rows = [row for rows in self.due.values() for row in rows]
        return sorted(row.run_at for row in rows if self.early(row) and row.id not in self.ids)


def judge(choice: Choice) -> Iterator[str]:
    """What is wrong with the answer."""
    ids, known = choice.ids, {row.id for rows in choice.due.values() for row in rows}
    if len(set(ids)) != len(ids):
        yield "the answer holds a job twice"
    if choice.claim.resend and (lost := choice.held - set(ids)):
        yield f"a resent claim did not give back {len(lost)} jobs that its token holds"
    if strange := [uid for uid in set(ids) if uid not in known | choice.held]:
        yield f"the answer holds {len(strange)} jobs that no claim may take now: {strange}"
    if any(job.token != choice.claim.token for job in choice.answer.jobs):
        yield "a job came under another token than the claim's"
    yield from _amounts(choice)
    for queue in choice.due:
        yield from _order(choice, queue)
    yield from _outlook(choice)


def _amounts(choice: Choice) -> Iterator[str]:
    for queue, n in choice.claim.wants.items():
        held = sum(job.queue == queue and job.id in choice.held for job in choice.answer.jobs)
        taken = len(choice.taken(queue))
        if taken > max(0, n - held):
            yield f"the claim wanted {n} of {queue}, held {held} and took {taken}"
        if queue in choice.paused and taken and choice.promised.pause_lag == timedelta(0):
            yield f"the claim took {taken} of the paused queue {queue}"


def _order(choice: Choice, queue: str) -> Iterator[str]:
    if choice.promised.order != "strict" or choice.promised.claim_sees != "immediate":
        return
    taken = [row.id for row in choice.taken(queue)]
    line = [r.id for r in choice.due[queue] if r.id in taken or not choice.early(r)]
    first = line[: len(taken)]
    if set(taken) != set(first):
        yield f"the claim of {queue} took others than the first by priority, run_at, id"
    elif taken != first and not choice.held:
        yield f"the jobs of {queue} came in another order than priority, run_at, id"


def _outlook(choice: Choice) -> Iterator[str]:
    """`more` and `next_due_in`: what a pool goes by when it waits."""
    sees = choice.promised.claim_sees == "immediate"
    left = any(choice.left(queue) for queue in choice.due if queue not in choice.paused)
    full = any(len(choice.taken(queue)) >= n for queue, n in choice.claim.wants.items())
    if left and sees and not choice.answer.more:
        yield "more=False, and due jobs are left: they would wait for a poll"
    put_off = choice.put_off()
    if choice.answer.more and not (left or full or put_off) and not choice.paused & set(choice.due):
        yield "more=True, and nothing due is left: an idle pool would ask for ever"
    if choice.answer.more:
        return  # whoever asks again at once does not wait by it
    said = choice.answer.next_due_in
    next_ones = [*choice.ahead[:1], *put_off[:1]]
    if not next_ones:
        if said is not None and not choice.paused & set(choice.due):
            yield f"next_due_in={said}, and no job of these queues waits for its time"
        return
    seconds = [(at - choice.now).total_seconds() for at in next_ones]
    if said is None:
        if sees and choice.ahead:
            yield f"next_due_in=None, and a job falls due in {seconds[0]} s"
    elif sees and not any(each - EARLY <= said <= each + LATE for each in seconds):
        yield f"next_due_in={said}, and the next job falls due in {min(seconds)} s"
