"""What spans, instruments and their attributes are called.

Those of `messaging` are of OpenTelemetry's semantic conventions 1.44.0, in which that part is still
under development; the rest is ours.
"""

from __future__ import annotations

SCOPE = "goncordia"
SCHEMA_URL = "https://opentelemetry.io/schemas/1.44.0"

ENQUEUE, PROCESS = "goncordia.enqueue", "goncordia.process"

KIND = "goncordia.job.kind"
QUEUE = "goncordia.job.queue"
ID = "goncordia.job.id"
ATTEMPT = "goncordia.job.attempt"
STATUS = "goncordia.job.status"
STATE = "goncordia.job.state"
IN_TRANSACTION = "goncordia.enqueue.in_transaction"

SYSTEM = "messaging.system"
OPERATION_NAME, OPERATION_TYPE = "messaging.operation.name", "messaging.operation.type"
DESTINATION = "messaging.destination.name"
MESSAGE_ID = "messaging.message.id"
BATCH = "messaging.batch.message_count"
ERROR_TYPE = "error.type"

CARRIER = "goncordia.trace"
"""The key in a job's meta under which the context of its enqueue travels."""

SECONDS = (
    *(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
    *(30.0, 60.0, 300.0, 900.0, 3600.0, 21_600.0, 86_400.0),
)
"""The histograms' boundaries: jobs last, and wait, longer than requests."""
