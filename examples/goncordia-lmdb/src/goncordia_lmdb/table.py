"""One transaction at one instant: jobs with their indexes, unique keys, and steps by the law."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from uuid import UUID

import msgspec
from goncordia.clock import When, as_utc, due, utc_now
from goncordia.jobs import KEPT_ERRORS, AttemptError, Hold, JobRow, Outcome
from goncordia.lifecycle import WAITING, Event, Facts, Rule, State, decide, visible
from goncordia.retention import Retention

from goncordia_lmdb import keys
from goncordia_lmdb.store import Store, Txn

Mark = tuple[UUID, Event, bool, bool]

encode = msgspec.msgpack.Encoder().encode


class Record(msgspec.Struct):
    """A job as it is stored."""

    job: JobRow
    token: UUID | None = None
    """The claim that holds it; None unless it runs."""
    mark: Mark | None = None
    """Which token recorded which outcome last: by it a resent `finish` is known."""

    def blame(self, error: AttemptError) -> None:
        """Keep an error, and of those before it the last few."""
        self.job.errors = (*self.job.errors, error)[-KEPT_ERRORS:]


_decode = msgspec.msgpack.Decoder(Record).decode


class Table:
    """What every operation works on."""

    def __init__(
        self, store: Store, txn: Txn[bytes], now: datetime | None, retention: Retention
    ) -> None:
        self._dbs = store.dbs
        self._txn = txn
        self._retention = retention
        self.now = utc_now() if now is None else as_utc(now, "now")

    # Bytes.

    def read(self, db: str, key: bytes) -> bytes | None:
        """The value of a key."""
        return self._txn.get(key, db=self._dbs[db])

    def write(self, db: str, key: bytes, value: bytes) -> None:
        """Set a key."""
        self._txn.put(key, value, db=self._dbs[db])

    def erase(self, db: str, key: bytes) -> None:
        """Remove a key."""
        self._txn.delete(key, db=self._dbs[db])

    def scan(
        self, db: str, prefix: bytes = b"", start: bytes = b""
    ) -> Iterator[tuple[bytes, bytes]]:
        """Keys and values in order, from `start` on; not to be written to meanwhile."""
        cursor = self._txn.cursor(self._dbs[db])
        if cursor.set_range(start or prefix) if start or prefix else cursor.first():
            for key, value in cursor:
                if not key.startswith(prefix):
                    return
                yield key, value

    def backwards(self, db: str, before: bytes | None) -> Iterator[bytes]:
        """Values in the reverse order of their keys, of those below `before`."""
        cursor = self._txn.cursor(self._dbs[db])
        below = before is not None and cursor.set_range(before)
        if cursor.prev() if below else cursor.last():
            yield from cursor.iterprev(keys=False)

    # Jobs.

    def find(self, id: UUID) -> Record | None:
        """The job, if it is there."""
        found = self.read("jobs", id.bytes)
        return None if found is None else _decode(found)

    def held(self, prefix: bytes) -> list[Record]:
        """The running jobs of a session, or of a session and token."""
        found = [self.find(keys.job_id(key)) for key, _ in self.scan("running", prefix)]
        return [record for record in found if record is not None]

    def put(self, record: Record) -> None:
        """Write a job; here alone, so that its indexes and counts stay in step with it."""
        self._unlist(record.job.id)
        self.write("jobs", record.job.id.bytes, encode(record))
        for db, key in _entries(record):
            self.write(db, key, record.job.state.encode())
        self._count(record.job, 1)

    def remove(self, record: Record) -> None:
        """Remove a job; its key is free then, unless held for ever."""
        self._unlist(record.job.id)
        self.erase("jobs", record.job.id.bytes)
        if record.job.unique is not None and record.job.unique.hold is not Hold.FOREVER:
            self.let_go(record.job)

    def _unlist(self, id: UUID) -> None:
        old = self.find(id)
        if old is not None:
            for db, key in _entries(old):
                self.erase(db, key)
            self._count(old.job, -1)

    def _count(self, job: JobRow, change: int) -> None:
        """Count by queue and state, and the waiting ones by kind."""
        counted = [keys.queue(job.queue) + job.state.encode()]
        if job.state in WAITING:
            counted.append(b"\0" + job.kind.encode())
        for key in counted:
            n = int(self.read("counts", key) or 0) + change
            if n:
                self.write("counts", key, b"%d" % n)
            else:
                self.erase("counts", key)

    # Unique keys.

    def holder(self, key: bytes) -> UUID | None:
        """The job that holds a unique key, which may be gone."""
        found = self.read("keys", key)
        return None if found is None else UUID(bytes=found)

    def take_key(self, job: JobRow) -> None:
        """The job holds its key."""
        if job.unique is not None:
            self.write("keys", job.unique.key, job.id.bytes)

    def let_go(self, job: JobRow) -> None:
        """Free the job's key, if it is the one that holds it."""
        if job.unique is not None and self.holder(job.unique.key) == job.id:
            self.erase("keys", job.unique.key)

    # The law.

    def state(self, job: JobRow) -> State:
        """As anyone sees it: due is available."""
        return visible(job.state, job.run_at, self.now)

    def shown(self, record: Record) -> JobRow:
        """The job as anyone may see it."""
        record.job.state = self.state(record.job)
        return record.job

    def instant(self, when: When, name: str) -> datetime:
        """What `when` means now; raises `InvalidArgument` for a naive datetime."""
        return due(when if not isinstance(when, datetime) else as_utc(when, name), self.now)

    def step(self, record: Record, rule: Rule) -> None:
        """Go where a rule says; the caller puts the record."""
        job = record.job
        if rule.target is None:
            raise ValueError(f"{rule.event} removes a job: that is `remove`")
        job.state = rule.target
        job.attempt += rule.attempt
        if job.state is not State.RUNNING:
            job.session = record.token = None
        if rule.ends:
            job.finished_at = self.now
            job.expire_at = self.now + self._retention.of(job.state)
            if job.unique is not None and job.unique.hold is Hold.LIVE:
                self.let_go(job)


def ask(event: Event, record: Record, *, cancel: bool = False, final: bool = False) -> Rule | None:
    """What the law says of an event that meets a running job."""
    job = record.job
    spent = job.attempt >= job.max_attempts
    return decide(event, job.state, Facts(not spent, job.cancel_requested or cancel, final))


def mark_of(outcome: Outcome) -> Mark:
    """What `finish` leaves on a job."""
    return outcome.token, outcome.event, outcome.final, outcome.cancel


def _entries(record: Record) -> Iterator[tuple[str, bytes]]:
    """Where a job is listed."""
    job = record.job
    if job.state in WAITING:
        yield "ready" if job.state is State.AVAILABLE else "later", keys.place(job)
    elif job.session is not None and record.token is not None:
        yield "running", job.session.bytes + record.token.bytes + job.id.bytes
    elif job.expire_at is not None:
        yield "expiry", keys.instant(job.expire_at) + job.id.bytes
