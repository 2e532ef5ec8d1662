"""DynamoDB's typed values and what comes back from its operations, as structs.

msgspec reads and writes them many times faster than dictionaries of dictionaries.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec


# gc=False, here and below: no value leads back to itself, and an answer holds hundreds of them
class Value(msgspec.Struct, omit_defaults=True, rename="upper", frozen=True, gc=False):
    """An attribute's value; exactly one field is set."""

    s: str | None = None
    n: str | None = None
    b: bytes | None = None
    flag: bool | None = msgspec.field(default=None, name="BOOL")
    l: list[Value] | None = None  # noqa: E741 - DynamoDB's own letter for a list
    m: dict[str, Value] | None = None
    ss: list[str] | None = None
    ns: list[str] | None = None
    null: bool | None = None
    bs: list[bytes] | None = None


Item = dict[str, Value]
Key = Mapping[str, Value]


def text(value: str) -> Value:
    """A string."""
    return Value(s=value)


def number(value: int) -> Value:
    """A number."""
    return Value(n=str(value))


def flag(value: bool) -> Value:
    """A boolean."""
    return Value(flag=value)


def opaque(data: bytes) -> Value:
    """Bytes: as text where they are UTF-8, so that people can read them in a console."""
    try:
        return Value(s=data.decode())
    except UnicodeDecodeError:
        return Value(b=data)


def data(value: Value | None) -> bytes | None:
    """The bytes of `opaque`."""
    if value is None:
        return None
    return value.b if value.s is None else value.s.encode()


def string(value: Value | None) -> str:
    """A string's text; empty where there is none."""
    return "" if value is None else value.s or ""


def integer(value: Value | None, default: int = 0) -> int:
    """A number."""
    return default if value is None or value.n is None else int(value.n)


class Consumed(msgspec.Struct, rename="pascal"):
    """What an operation cost on one table."""

    capacity_units: float = 0.0


class Reason(msgspec.Struct, rename="pascal"):
    """Why one statement of a batch, or one entry of a transaction, failed."""

    code: str = ""
    message: str | None = None
    item: Item | None = None


class Statement(msgspec.Struct, rename="pascal", gc=False):
    """The answer to one statement of a batch."""

    item: Item | None = None
    error: Reason | None = None


Cost = Consumed | list[Consumed] | None


class Done(msgspec.Struct, rename="pascal"):
    """The answer to what gives nothing back."""

    consumed_capacity: Cost = None


class Statements(msgspec.Struct, rename="pascal"):
    """The answer to `BatchExecuteStatement`."""

    responses: list[Statement]
    consumed_capacity: Cost = None


class Found(msgspec.Struct, rename="pascal"):
    """The answer to `GetItem`."""

    item: Item | None = None
    consumed_capacity: Cost = None


class Updated(msgspec.Struct, rename="pascal"):
    """The answer to `UpdateItem`."""

    attributes: Item = {}
    consumed_capacity: Cost = None


class Queried(msgspec.Struct, rename="pascal"):
    """The answer to `Query`."""

    items: list[Item] = []
    last_evaluated_key: Item | None = None
    count: int = 0
    consumed_capacity: Cost = None


class Unread(msgspec.Struct, rename="pascal"):
    """Keys of one table that were not read."""

    keys: list[Item]


class Many(msgspec.Struct, rename="pascal"):
    """The answer to `BatchGetItem`."""

    responses: dict[str, list[Item]] = {}
    unprocessed_keys: dict[str, Unread] = {}
    consumed_capacity: Cost = None


class Index(msgspec.Struct, rename="pascal"):
    """A global secondary index."""

    index_name: str
    index_status: str = ""


class KeyPart(msgspec.Struct, rename="pascal"):
    """One attribute of a key."""

    attribute_name: str
    key_type: str


class Description(msgspec.Struct, rename="pascal"):
    """A table."""

    table_status: str = ""
    key_schema: list[KeyPart] = []
    global_secondary_indexes: list[Index] = []


class Described(msgspec.Struct, rename="pascal"):
    """The answer to `DescribeTable`."""

    table: Description
    consumed_capacity: Cost = None


class Refusal(msgspec.Struct):
    """The body of an error."""

    type: str = msgspec.field(default="", name="__type")
    message: str | None = None
    message_upper: str | None = msgspec.field(default=None, name="Message")
    item: Item | None = msgspec.field(default=None, name="Item")
    reasons: list[Reason] = msgspec.field(default_factory=list[Reason], name="CancellationReasons")
