"""One write of one item, as a value: a statement of a batch, or an entry of a transaction.

A batch of statements (PartiQL) costs half of what a transaction does and answers each one; a
transaction holds up to a hundred entries together. Both stand under the same conditions.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from goncordia_dynamo import statements
from goncordia_dynamo.values import Item, Value

JSON = Mapping[str, object]


class Put(msgspec.Struct, frozen=True):
    """A new item, where there is none."""

    item: Item

    @property
    def key(self) -> tuple[str | None, str | None]:
        """Which item."""
        return self.item["pk"].s, self.item["sk"].s

    def statement(self, table: str) -> JSON:
        """For a batch."""
        text = statements.insert(table, tuple(self.item))
        return {"Statement": text, "Parameters": list(self.item.values())}

    def entry(self, table: str) -> JSON:
        """For a transaction."""
        put = {
            "TableName": table,
            "Item": self.item,
            "ConditionExpression": "attribute_not_exists(pk)",
        }
        return {"Put": {**put, **_TELL}}


class Change(msgspec.Struct, frozen=True):
    """Another item in the place of one, if these attributes of the old one still stand."""

    old: Item
    new: Item
    where: tuple[str, ...] = ("v",)

    @property
    def key(self) -> tuple[str | None, str | None]:
        """Which item."""
        return self.old["pk"].s, self.old["sk"].s

    def _parts(self) -> tuple[dict[str, Value], tuple[str, ...]]:
        old, new = self.old, self.new
        changed = {name: value for name, value in new.items() if old.get(name) != value}
        return changed, tuple(name for name in old if name not in new)

    def statement(self, table: str) -> JSON:
        """For a batch."""
        changed, gone = self._parts()
        text = statements.update(table, tuple(changed), gone, self.where)
        bound = [self.old["pk"], self.old["sk"], *(self.old[name] for name in self.where)]
        return {"Statement": text, "Parameters": [*changed.values(), *bound], **_TELL}

    def entry(self, table: str) -> JSON:
        """For a transaction."""
        changed, gone = self._parts()
        sets = ", ".join(f"#{name} = :{name}" for name in changed)
        removes = ", ".join(f"#{name}" for name in gone)
        text = " ".join(
            f"{v} {names}" for v, names in (("SET", sets), ("REMOVE", removes)) if names
        )
        update = {
            "TableName": table,
            "Key": _key(self.old),
            "UpdateExpression": text,
            **_condition(self.old, self.where, {*changed, *gone}, changed),
        }
        return {"Update": {**update, **_TELL}}


class Remove(msgspec.Struct, frozen=True):
    """No item in the place of one, if these attributes of it still stand."""

    old: Item
    where: tuple[str, ...] = ("v",)

    @property
    def key(self) -> tuple[str | None, str | None]:
        """Which item."""
        return self.old["pk"].s, self.old["sk"].s

    def statement(self, table: str) -> JSON:
        """For a batch."""
        bound = [self.old["pk"], self.old["sk"], *(self.old[name] for name in self.where)]
        return {"Statement": statements.delete(table, self.where), "Parameters": bound, **_TELL}

    def entry(self, table: str) -> JSON:
        """For a transaction."""
        delete = {"TableName": table, "Key": _key(self.old)}
        return {"Delete": {**delete, **_condition(self.old, self.where), **_TELL}}


class Check(msgspec.Struct, frozen=True):
    """No write, but the same conditions; `old` with a key alone: that the item is not there."""

    old: Item
    where: tuple[str, ...] = ("v",)

    @property
    def key(self) -> tuple[str | None, str | None]:
        """Which item."""
        return self.old["pk"].s, self.old["sk"].s

    def entry(self, table: str) -> JSON:
        """For a transaction."""
        condition = (
            _condition(self.old, self.where)
            if self.where
            else {"ConditionExpression": "attribute_not_exists(pk)"}
        )
        check = {"TableName": table, "Key": _key(self.old), **condition}
        return {"ConditionCheck": {**check, **_TELL}}


class Level(msgspec.Struct, frozen=True):
    """That a queue has jobs of these priorities, whether or not it was known to have."""

    place: Item
    priorities: tuple[int, ...]

    @property
    def key(self) -> tuple[str | None, str | None]:
        """Which item."""
        return self.place["pk"].s, self.place["sk"].s

    def update(self, table: str) -> JSON:
        """As an update of its own."""
        return {
            "TableName": table,
            "Key": _key(self.place),
            "UpdateExpression": "ADD #levels :levels",
            "ExpressionAttributeNames": {"#levels": "levels"},
            "ExpressionAttributeValues": {
                ":levels": Value(ns=[str(each) for each in self.priorities])
            },
        }

    def entry(self, table: str) -> JSON:
        """For a transaction."""
        return {"Update": self.update(table)}


Batched = Put | Change | Remove
Write = Batched | Check | Level

_TELL = {"ReturnValuesOnConditionCheckFailure": "ALL_OLD"}


def _key(item: Item) -> Item:
    return {"pk": item["pk"], "sk": item["sk"]}


def _condition(
    old: Item, where: tuple[str, ...], names: set[str] | None = None, values: Item | None = None
) -> JSON:
    """Conditions, with the names and values of the update that stands under them."""
    named = {*(names or ()), *where}
    bound = {f":{name}": value for name, value in (values or {}).items()}
    bound |= {f":was_{name}": old[name] for name in where}
    return {
        "ConditionExpression": " AND ".join(f"#{name} = :was_{name}" for name in where),
        "ExpressionAttributeNames": {f"#{name}": name for name in named},
        "ExpressionAttributeValues": bound,
    }
