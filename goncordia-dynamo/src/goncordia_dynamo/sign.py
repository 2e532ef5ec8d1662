"""Signature Version 4 for the one kind of request that is sent: POST / of JSON to DynamoDB.

A test compares the signatures with those of botocore's signer.
"""

from __future__ import annotations

import hmac
from datetime import datetime
from hashlib import sha256
from typing import NamedTuple

CONTENT_TYPE = "application/x-amz-json-1.0"
_ALGORITHM = "AWS4-HMAC-SHA256"


class Keys(NamedTuple):
    """Credentials, frozen at one moment."""

    access_key: str
    secret_key: str
    token: str | None = None

    def __repr__(self) -> str:
        """Nothing that a log should not hold."""
        return "Keys(...)"


class Signer:
    """Signs for one region; the key of the day is derived once a day."""

    def __init__(self, region: str) -> None:
        self._region = region
        self._derived: tuple[str, str, bytes] = ("", "", b"")

    def headers(
        self, target: str, host: str, body: bytes, keys: Keys, at: datetime
    ) -> list[tuple[str, str]]:
        """The headers of a request, the signature last."""
        stamp = at.isoformat()[:19].replace("-", "").replace(":", "") + "Z"  # strftime is slow
        headers = [
            ("content-type", CONTENT_TYPE),
            ("host", host),
            ("x-amz-date", stamp),
            *([("x-amz-security-token", keys.token)] if keys.token else []),
            ("x-amz-target", target),
        ]
        names = ";".join(name for name, _ in headers)
        lines = "".join(f"{name}:{value}\n" for name, value in headers)
        request = f"POST\n/\n\n{lines}\n{names}\n{sha256(body).hexdigest()}"
        scope = f"{stamp[:8]}/{self._region}/dynamodb/aws4_request"
        text = f"{_ALGORITHM}\n{stamp}\n{scope}\n{sha256(request.encode()).hexdigest()}"
        signature = hmac.digest(self._key(stamp[:8], keys), text.encode(), "sha256").hex()
        credential = f"Credential={keys.access_key}/{scope}"
        value = f"{_ALGORITHM} {credential}, SignedHeaders={names}, Signature={signature}"
        return [*headers, ("authorization", value)]

    def _key(self, day: str, keys: Keys) -> bytes:
        known_day, known_secret, key = self._derived
        if (known_day, known_secret) != (day, keys.secret_key):
            key = f"AWS4{keys.secret_key}".encode()
            for part in (day, self._region, "dynamodb", "aws4_request"):
                key = hmac.digest(key, part.encode(), "sha256")
            self._derived = day, keys.secret_key, key
        return key
