"""Every error that goncordia raises, one tree, each with what was wrong and what to do about it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING
from uuid import UUID

if TYPE_CHECKING:
    from goncordia.jobs import JobRow


class GoncordiaError(Exception):
    """The root: catch it to catch whatever this library raises on purpose."""


# Refused at the door: nothing was written.


class InvalidArgument(GoncordiaError, ValueError):
    """A value that can't be accepted; the message names it and the remedy."""


class ArgsError(InvalidArgument):
    """Arguments of a job that can't be encoded: a field of a type that JSON has no place for."""


class PayloadTooLarge(InvalidArgument):
    """Encoded arguments, meta or a result above the limit.

    Attributes: `size` and `limit`, both in bytes.
    """

    def __init__(self, what: str, size: int, limit: int) -> None:
        super().__init__(
            f"{what}: {size} bytes, the limit is {limit}. Store the data elsewhere and pass a "
            "reference to it, or raise payload_limit of the client or the worker pool."
        )
        self.size = size
        self.limit = limit


class ArgsDecodeError(GoncordiaError):
    """Stored arguments that the kind's class can't read: the class changed while the job waited."""


class UpcasterMissing(ArgsDecodeError):
    """Arguments of an older version, and the class has no upcaster from there.

    Attributes: `kind`, and `version`, from which there is none.
    """

    def __init__(self, kind: str, version: int) -> None:
        super().__init__(
            f"kind {kind!r} has no upcaster from version {version} to {version + 1}: say "
            f"upcasters={{{version}: ...}} on its class"
        )
        self.kind = kind
        self.version = version


class UpcastError(ArgsDecodeError):
    """An upcaster that raised, or that gave what JSON can't hold."""


class PayloadAhead(GoncordiaError):
    """Arguments of a version that this deploy does not know yet.

    Attributes: `kind`, `version`, and `known`, the version of the class.
    """

    def __init__(self, kind: str, version: int, known: int) -> None:
        super().__init__(
            f"arguments of kind {kind!r} have version {version}, and this deploy knows {known}: "
            "they are for workers of a later one"
        )
        self.kind = kind
        self.version = version
        self.known = known


class ResultDecodeError(GoncordiaError):
    """A job's result that is not of the type it was asked for as."""


class UnknownKind(GoncordiaError, LookupError):
    """A kind that no worker of the registry handles."""


class DriverNotFound(GoncordiaError, LookupError):
    """No installed distribution offers a driver for the scheme, or the one that does is broken."""


class PluginNotFound(GoncordiaError, LookupError):
    """No installed distribution offers a plugin of the name, or the one that does is broken."""


class HandleMismatch(GoncordiaError, TypeError):
    """`tx` is not of a type that the driver can write through."""


class CapabilityMissing(GoncordiaError):
    """The store does not promise what was asked of it.

    Attributes: `capability`, the field of `Capabilities` that lacks.
    """

    def __init__(self, capability: str, message: str) -> None:
        super().__init__(message)
        self.capability = capability


class TransactionsUnsupported(CapabilityMissing):
    """`tx=` given to a driver whose store has no transactions of the caller's."""


# The store's answers.


class UniqueConflict(GoncordiaError):
    """A unique job with the policy `raise` met another that holds its key.

    Attributes: `id`, the job that was not inserted; `holder`, the one that holds the key.
    """

    def __init__(self, id: UUID, holder: UUID) -> None:
        super().__init__(f"job {id} was not enqueued: job {holder} holds its unique key")
        self.id = id
        self.holder = holder


class JobNotFound(GoncordiaError, LookupError):
    """No job has the id: it never was, or it is pruned or deleted.

    A job enqueued with `tx` is there once that transaction is committed. Attributes: `id`.
    """

    def __init__(self, id: UUID) -> None:
        super().__init__(f"there is no job {id}: it never was, or is pruned or deleted")
        self.id = id


class JobFailed(GoncordiaError):
    """Somebody waited for a job's result, and it ended discarded or cancelled.

    Attributes: `row`, the job as it ended; its `errors` say why.
    """

    def __init__(self, row: JobRow) -> None:
        last = f"; attempt {row.errors[-1].attempt} failed with " if row.errors else ""
        why = f"{row.errors[-1].type}: {row.errors[-1].message}" if row.errors else ""
        super().__init__(f"job {row.id} of kind {row.kind!r} is {row.state}{last}{why}")
        self.row = row


class WaitTimeout(GoncordiaError, TimeoutError):
    """Jobs did not end in the time that somebody wanted to wait; they go on.

    Attributes: `ids`, of those that have not ended.
    """

    def __init__(self, ids: Sequence[UUID]) -> None:
        shown = ", ".join(str(i) for i in ids[:5]) + (", ..." if len(ids) > 5 else "")
        super().__init__(f"{len(ids)} jobs have not ended in time: {shown}; explain(id) says why")
        self.ids = tuple(ids)


class TransactionConflict(GoncordiaError):
    """The caller's transaction met a deadlock, a write conflict or a busy snapshot: rerun it."""


class TransactionNotCommitted(GoncordiaError):
    """A handler completed its job inside a transaction that was then not committed."""


class Unavailable(GoncordiaError):
    """The store did not answer: connection lost, server down, disk full, file locked.

    The write may or may not have happened; the same call may be sent again. Client and pool do
    that by themselves, except with `tx=`.
    """


class StoreUnusable(GoncordiaError):
    """The store answers, and will refuse until somebody mends it: a read-only or corrupt file."""


class SchemaMismatch(GoncordiaError):
    """The store's schema is missing, older or newer than this version of the driver knows."""


class ScheduleError(GoncordiaError):
    """A schedule, or the function that makes its jobs, raised; told in the log.

    Attributes: `name`, the schedule's; the cause is what was raised.
    """

    def __init__(self, name: str, error: Exception) -> None:
        super().__init__(f"schedule {name!r}: {type(error).__name__}: {error}")
        self.name = name


class SessionLost(GoncordiaError):
    """The worker session is dead or was never there; its jobs belong to somebody else now."""


# Told about jobs: kept as the type of a job's error, or raised by the pool.


class WorkerLost(GoncordiaError):
    """The worker that ran the job fell silent: killed, frozen, or cut off from the store."""


class LeaseLost(GoncordiaError):
    """The worker could not reach the store for so long that its jobs may belong to others."""


class JobTimeout(GoncordiaError, TimeoutError):
    """The handler ran past its timeout."""


class HandlerError(GoncordiaError):
    """A handler that broke the rules of its surroundings.

    It cancelled what it did not own, left a cancel scope open, or returned what can't be encoded.
    """


class JobCancelled(GoncordiaError):
    """Raised by `job.check_cancelled()` in a thread handler whose job is to stop."""


class PoolEnded(GoncordiaError):
    """The worker pool is over: a task of it was killed, or its block was left."""


class OutcomesUnwritten(GoncordiaError):
    """Jobs ended while the pool shut down, and the store did not take their outcomes in time.

    They will run again. Attributes: `ids`.
    """

    def __init__(self, ids: Sequence[UUID]) -> None:
        shown = ", ".join(str(i) for i in ids[:5]) + (", ..." if len(ids) > 5 else "")
        super().__init__(
            f"the outcomes of {len(ids)} jobs could not be written and those jobs will run "
            f"again: {shown}. Was the store down? A longer flush_timeout waits longer for it."
        )
        self.ids = tuple(ids)
