"""Requests of DynamoDB taken apart: into halves, and into single writes whose cost is told.

The local server tells no cost of PartiQL. A statement costs what the same write costs by
`PutItem`, `UpdateItem` or `DeleteItem`; so it is executed as such. It reads the statements that the
driver writes, and no others.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable
from typing import Any

Json = dict[str, Any]
Send = Callable[[str, Json], tuple[int, bytes]]
Charge = Callable[[str, float], None]
Restore = Callable[[Json], tuple[int, bytes]]

READS = {"GetItem", "BatchGetItem", "Query", "Scan"}
WRITES = {"PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems"}
_INSERT = re.compile(r'INSERT INTO "(?P<table>[^"]+)" VALUE \{(?P<pairs>.*)\}$')
_UPDATE = re.compile(
    r'UPDATE "(?P<table>[^"]+)"(?P<changes>.*) WHERE (?P<where>.*?)(?: RETURNING (?P<tell>.*) \*)?$'
)
_DELETE = re.compile(r'DELETE FROM "(?P<table>[^"]+)" WHERE (?P<where>.*)$')
_CHANGE = re.compile(r'(SET|REMOVE) "(\w+)"(?: = (\?|\'\w+\'|"\w+" \+ -?\d+))?')


def has_writes(operation: str) -> bool:
    """Whether the request holds several writes."""
    return operation in ("BatchExecuteStatement", "TransactWriteItems")


def has_parts(operation: str) -> bool:
    """Whether one part of the request may be done and another not."""
    return has_writes(operation) or operation == "BatchGetItem"


def halves(
    operation: str, request: Json, chance: random.Random, code: str
) -> tuple[Json | None, int, Restore]:
    """What is left to do of a request, how much is refused, and the answer to the whole."""
    if operation == "TransactWriteItems":
        return None, 1, _cancelled(request, chance, code)
    if operation == "BatchGetItem":
        return _half_read(request, chance)
    statements = request["Statements"]
    out = {n for n in range(len(statements)) if chance.random() < 0.5}
    kept = [s for n, s in enumerate(statements) if n not in out]

    def restore(answer: Json) -> tuple[int, bytes]:
        done = iter(answer.get("Responses", []))
        error = {"Error": {"Code": code, "Message": "by the proxy"}}
        told = [error if n in out else next(done) for n in range(len(statements))]
        return 200, json.dumps({"Responses": told}).encode()

    return ({**request, "Statements": kept} if kept else None), len(out), restore


def _cancelled(request: Json, chance: random.Random, code: str) -> Restore:
    n = chance.randrange(len(request["TransactItems"]))
    codes = [code if k == n else "None" for k in range(len(request["TransactItems"]))]
    told = {
        "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
        "message": "by the proxy",
        "CancellationReasons": [{"Code": code} for code in codes],
    }
    return lambda _: (400, json.dumps(told).encode())


def _half_read(request: Json, chance: random.Random) -> tuple[Json | None, int, Restore]:
    [(table, wanted)] = request["RequestItems"].items()
    out = [key for key in wanted["Keys"] if chance.random() < 0.5]
    kept = [key for key in wanted["Keys"] if key not in out]

    def restore(answer: Json) -> tuple[int, bytes]:
        unread = {table: {**wanted, "Keys": out}}
        return 200, json.dumps({"Responses": {}, **answer, "UnprocessedKeys": unread}).encode()

    left = {**request, "RequestItems": {table: {**wanted, "Keys": kept}}} if kept else None
    return left, len(out), restore


def billed(send: Send, operation: str, request: Json, charge: Charge) -> tuple[int, bytes]:
    """Do it, and charge what AWS would."""
    if operation == "BatchExecuteStatement":
        told = [_executed(send, statement, charge) for statement in request["Statements"]]
        return 200, json.dumps({"Responses": told}).encode()
    if operation not in READS | WRITES:
        return send(operation, request)
    status, answer = send(operation, {**request, "ReturnConsumedCapacity": "TOTAL"})
    if operation in READS:
        charge("read units", max(_units(answer), _least(operation, request)))
    else:
        charge("write units", _units(answer) if status == 200 else _failed(request))
    return status, answer


def _units(answer: bytes) -> float:
    told: list[Json] | Json = json.loads(answer).get("ConsumedCapacity", [])
    costs = told if isinstance(told, list) else [told]
    return sum(cost["CapacityUnits"] for cost in costs)


def _least(operation: str, request: Json) -> float:
    """AWS bills a read that finds nothing, too; the local server does not."""
    strong = "ConsistentRead" in json.dumps(request)
    keys = 1
    if operation == "BatchGetItem":
        keys = sum(len(wanted["Keys"]) for wanted in request["RequestItems"].values())
    return keys * (1.0 if strong else 0.5)


def _failed(request: Json) -> float:
    """A failed condition costs what the write would: a unit, twice that in a transaction."""
    return 2.0 * len(request["TransactItems"]) if "TransactItems" in request else 1.0


def _executed(send: Send, statement: Json, charge: Charge) -> Json:
    operation, request = _single(statement["Statement"], list(statement.get("Parameters", [])))
    if "ReturnValuesOnConditionCheckFailure" in statement:
        request["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
    status, answer = send(operation, {**request, "ReturnConsumedCapacity": "TOTAL"})
    told = json.loads(answer)
    if status == 200:
        charge("write units", _units(answer))
        return {"Item": told["Attributes"]} if "Attributes" in told else {}
    charge("write units", 1.0)
    charge("wasted write units", 1.0)
    code = told["__type"].rpartition("#")[2].removesuffix("Exception")
    if operation == "PutItem" and code == "ConditionalCheckFailed":
        code = "DuplicateItem"
    error = {"Code": code, "Message": told.get("message", "")}
    return {"Error": {**error, **({"Item": told["Item"]} if "Item" in told else {})}}


def _single(text: str, values: list[Json]) -> tuple[str, Json]:
    if found := _INSERT.match(text):
        names = re.findall(r"'(\w+)': \?", found["pairs"])
        item = dict(zip(names, values, strict=True))
        condition = {"ConditionExpression": "attribute_not_exists(pk)"}
        return "PutItem", {"TableName": found["table"], "Item": item, **condition}
    if found := _UPDATE.match(text):
        return "UpdateItem", _update(found, values)
    found = _DELETE.match(text)
    if found is None:
        raise ValueError(f"no statement of the driver's: {text}")
    return "DeleteItem", {"TableName": found["table"], **_where(found["where"], values)}


def _update(found: re.Match[str], values: list[Json]) -> Json:
    sets: list[str] = []
    removes: list[str] = []
    bound: Json = {}
    names: Json = {}
    for verb, name, value in _CHANGE.findall(found["changes"]):
        names[f"#{name}"] = name
        if verb == "REMOVE":
            removes.append(f"#{name}")
        elif value.startswith('"'):
            bound[f":{name}"] = {"N": value.rpartition(" ")[2]}
            sets.append(f"#{name} = #{name} + :{name}")
        else:
            bound[f":{name}"] = values.pop(0) if value == "?" else {"S": value.strip("'")}
            sets.append(f"#{name} = :{name}")
    text = f"SET {', '.join(sets)}" if sets else ""
    text += f" REMOVE {', '.join(removes)}" if removes else ""
    under = _where(found["where"], values)
    return {
        "TableName": found["table"],
        "UpdateExpression": text,
        "Key": under["Key"],
        "ConditionExpression": under["ConditionExpression"],
        "ExpressionAttributeNames": names | under["ExpressionAttributeNames"],
        "ExpressionAttributeValues": bound | under["ExpressionAttributeValues"],
        "ReturnValues": (found["tell"] or "NONE").replace(" ", "_"),
    }


def _where(text: str, values: list[Json]) -> Json:
    names = re.findall(r'"(\w+)" = \?', text)
    stand = dict(zip(names, values, strict=True))
    key = {name: stand.pop(name) for name in ("pk", "sk")}
    conditions = ["attribute_exists(#pk)", *(f"#{name} = :was_{name}" for name in stand)]
    return {
        "Key": key,
        "ConditionExpression": " AND ".join(conditions),
        "ExpressionAttributeNames": {"#pk": "pk", **{f"#{name}": name for name in stand}},
        "ExpressionAttributeValues": {f":was_{name}": value for name, value in stand.items()},
    }
