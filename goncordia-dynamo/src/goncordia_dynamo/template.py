"""The table and who may do what with it, as a template of AWS CloudFormation.

Three policies, each as small as its bearer's work allows: a producer enqueues, a worker runs jobs,
an operator looks and acts. Migrating needs the rights of whoever applies the template, and no more.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from goncordia_dynamo.schema import TTL, Units, definition

JSON = Mapping[str, object]

PRODUCER = (
    *("GetItem", "BatchGetItem", "Query", "PartiQLInsert", "PartiQLUpdate"),
    *("ConditionCheckItem", "PutItem", "UpdateItem"),
)
"""Jobs, their unique keys and who held them, and that a queue has them; nothing is deleted."""
WORKER = (*PRODUCER, "PartiQLDelete")
"""All of a producer's, for follow-up jobs; claims and outcomes; keys and sessions that are over."""
OPERATOR = (*WORKER, "DescribeTable")
"""What a worker may, and the table's description: `goncordia migrate` then finds it up to date."""

_BEARERS: Mapping[str, Sequence[str]] = {
    "Producer": PRODUCER,
    "Worker": WORKER,
    "Operator": OPERATOR,
}


def cloudformation(table: str, provisioned: Units | None = None) -> str:
    """The template, as JSON."""
    defined = definition(table, provisioned)
    described = {name: value for name, value in defined.items() if name != "TableName"}
    resources: dict[str, object] = {
        "Table": {
            "Type": "AWS::DynamoDB::Table",
            "DeletionPolicy": "Retain",
            "UpdateReplacePolicy": "Retain",
            "Properties": {
                "TableName": table,
                **described,
                "TimeToLiveSpecification": TTL,
                "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True},
            },
        }
    }
    for bearer, actions in _BEARERS.items():
        resources[f"{bearer}Policy"] = _policy(bearer, actions)
    outputs = {name: {"Value": {"Ref": name}} for name in resources}
    return json.dumps(
        {
            "AWSTemplateFormatVersion": "2010-09-09",
            "Description": f"The jobs of goncordia in the table {table}",
            "Resources": resources,
            "Outputs": outputs,
        },
        indent=2,
    )


def _policy(bearer: str, actions: Sequence[str]) -> JSON:
    arn = {"Fn::GetAtt": ["Table", "Arn"]}
    index = {"Fn::Sub": "${Table.Arn}/index/due"}
    statement = {
        "Effect": "Allow",
        "Action": [f"dynamodb:{action}" for action in actions],
        "Resource": [arn, index] if bearer != "Producer" else [arn],
    }
    return {
        "Type": "AWS::IAM::ManagedPolicy",
        "Properties": {
            "Description": f"What a {bearer.lower()} of jobs needs",
            "PolicyDocument": {"Version": "2012-10-17", "Statement": [statement]},
        },
    }
