"""goncordia on DynamoDB."""

from goncordia_dynamo.call import Usage
from goncordia_dynamo.driver import DynamoDriver
from goncordia_dynamo.errors import (
    ConditionFailed,
    Denied,
    EntryConflict,
    Refused,
    Throttled,
    TransactionTooLarge,
)
from goncordia_dynamo.sync import SyncDynamoDriver
from goncordia_dynamo.tx import DynamoTransaction

__all__ = [
    "ConditionFailed",
    "Denied",
    "DynamoDriver",
    "DynamoTransaction",
    "EntryConflict",
    "Refused",
    "SyncDynamoDriver",
    "Throttled",
    "TransactionTooLarge",
    "Usage",
]
