"""What DynamoDB refuses, and what a transaction was cancelled for, as typed errors."""

from __future__ import annotations

from collections.abc import Sequence

from goncordia.errors import (
    GoncordiaError,
    InvalidArgument,
    StoreUnusable,
    TransactionConflict,
    Unavailable,
)

from goncordia_dynamo.values import Item, Reason, Refusal

CONDITION = frozenset({"ConditionalCheckFailed", "ConditionalCheckFailedException"})
DUPLICATE = frozenset({"DuplicateItem", "DuplicateItemException"})
CONFLICT = frozenset(
    {
        "TransactionConflict",
        "TransactionConflictException",
        "TransactionInProgressException",
    }
)
THROTTLED = frozenset(
    {
        "LimitExceededException",
        "ProvisionedThroughputExceeded",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "Throttling",
        "ThrottledException",
        "ThrottlingError",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)
"""Answers that say: nothing was done, ask more slowly. A test compares them with botocore's."""
TRANSIENT = frozenset(
    {"InternalServerError", "InternalFailure", "InternalServerException", "ServiceUnavailable",
     "RequestTimeout", "RequestTimeoutException", "PriorRequestNotComplete"}
)  # fmt: skip
"""Answers after which nobody knows whether it was done."""
CREDENTIALS = frozenset(
    {"AccessDenied", "AccessDeniedException", "ExpiredTokenException",
     "IncompleteSignatureException", "InvalidSignatureException", "MissingAuthenticationToken",
     "MissingAuthenticationTokenException", "SignatureDoesNotMatch", "UnrecognizedClientException"}
)  # fmt: skip
MISSING = frozenset({"ResourceNotFoundException", "ResourceNotFound"})


class Refused(GoncordiaError):
    """DynamoDB's own refusal of a request.

    Attributes: `code`; `item`, as it stands, where a condition failed; `reasons`, entry by entry,
    where a transaction was cancelled.
    """

    def __init__(
        self,
        code: str,
        message: str,
        item: Item | None = None,
        reasons: Sequence[Reason] = (),
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.item = item
        self.reasons = reasons

    @staticmethod
    def of(body: Refusal) -> Refused:
        """The error that an answer tells of."""
        code = body.type.rpartition("#")[2]
        message = body.message or body.message_upper or ""
        return Refused(code, message, body.item, body.reasons)


class Throttled(Unavailable):
    """DynamoDB asked to go more slowly, again and again; nothing was done."""


class Denied(StoreUnusable):
    """DynamoDB refused the credentials, or they lack a permission: see the policies."""


# Why the caller's transaction was cancelled. Nothing of it was written.


class EntryConflict(TransactionConflict):
    """An entry met another transaction or write at the same moment: rerun yours.

    Attributes: `entries`, the places of such entries in the transaction.
    """

    def __init__(self, message: str, entries: Sequence[int] = ()) -> None:
        super().__init__(message)
        self.entries = tuple(entries)


class ConditionFailed(EntryConflict):
    """An entry's condition did not hold: a lost race, a stale fence, or a condition of your own.

    Attributes: `entries`; `items`, as these entries' items stand, where the entry asks for it.
    """

    def __init__(
        self, message: str, entries: Sequence[int] = (), items: Sequence[Item | None] = ()
    ) -> None:
        super().__init__(message, entries)
        self.items = tuple(items)


class TransactionTooLarge(InvalidArgument):
    """More than a transaction holds: 100 entries, 4 MB, or 400 KB in one item."""


def cancelled(reasons: Sequence[Reason]) -> GoncordiaError:
    """The error of a cancelled transaction, by the reasons of its entries."""
    places: dict[str, list[int]] = {}
    for place, reason in enumerate(reasons):
        places.setdefault(reason.code, []).append(place)
    for code, found in places.items():
        if code in CONDITION or code in DUPLICATE:
            items = [reasons[place].item for place in found]
            return ConditionFailed(
                f"the conditions of the transaction's entries {found} did not hold: read again "
                "what it relied on, and rerun it",
                found,
                items,
            )
    for code, found in places.items():
        if code in CONFLICT:
            return EntryConflict(
                f"the transaction's entries {found} met another write: rerun it", found
            )
        if code in THROTTLED:
            return Throttled(f"the transaction's entries {found} were throttled: rerun it later")
    return _invalid(reasons)


def _invalid(reasons: Sequence[Reason]) -> GoncordiaError:
    for place, reason in enumerate(reasons):
        if reason.code not in ("", "None"):
            return invalid(reason.code, f"entry {place} of the transaction: {reason.message}")
    return TransactionConflict("the transaction was cancelled for no reason told: rerun it")


def invalid(code: str, message: str) -> InvalidArgument:
    """The error of a transaction that DynamoDB does not take."""
    too_large = "size" in f"{code} {message}".lower()
    return (TransactionTooLarge if too_large else InvalidArgument)(f"{code}: {message}")
