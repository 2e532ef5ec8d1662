"""Calls of DynamoDB: signed, sent, answered by a struct or by a typed error, throttled with care.

What was throttled was not done, so it is sent again here, a few times, ever more slowly. Whatever
else goes wrong may have been done: that is `Unavailable`, and the caller's to send again.
"""

from __future__ import annotations

import random
import ssl
import threading
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import cache
from typing import Protocol, TypeVar, cast

import msgspec
from goncordia.clock import utc_now
from goncordia.errors import GoncordiaError, SchemaMismatch, StoreUnusable, Unavailable

from goncordia_dynamo.account import Account
from goncordia_dynamo.errors import CREDENTIALS, MISSING, THROTTLED, TRANSIENT, Denied, Refused
from goncordia_dynamo.errors import Throttled as ThrottledError
from goncordia_dynamo.http import Response
from goncordia_dynamo.io import EVENT_LOOP, Io
from goncordia_dynamo.sign import Signer
from goncordia_dynamo.values import Consumed, Cost, Refusal
from goncordia_dynamo.wire import Wire

READS = frozenset({"GetItem", "BatchGetItem", "Query", "Scan"})
WAITS = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6)
"""Seconds before what was throttled is asked again, at most; chance takes up to all of it away."""
_SECOND = timedelta(seconds=1)

_encode = msgspec.json.Encoder().encode
_refusal = msgspec.json.Decoder(Refusal).decode


class Answer(Protocol):
    """What every answer tells."""

    consumed_capacity: Cost


A = TypeVar("A", bound=Answer)


@cache
def _decoder_of(answer: type[Answer]) -> msgspec.json.Decoder[Answer]:
    return msgspec.json.Decoder(answer)


class Usage(msgspec.Struct):
    """What a driver asked for since it was made; units only where it was told to meter."""

    requests: int = 0
    throttled: int = 0
    """Requests, or statements of a batch, that were answered by a plea to go more slowly."""
    unavailable: int = 0
    """Requests without an answer, or whose answer left open whether they were done."""
    statements: int = 0
    """Conditional writes, sent in batches."""
    wasted: int = 0
    """Of these, whose condition failed: paid for like any other."""
    read_units: float = 0.0
    write_units: float = 0.0

    def consume(self, operation: str, cost: Cost) -> None:
        """Add what an operation cost."""
        costs = [] if cost is None else [cost] if isinstance(cost, Consumed) else cost
        units = sum(each.capacity_units for each in costs)
        if operation in READS:
            self.read_units += units
        else:
            self.write_units += units


class Caller:
    """Calls one endpoint; open between `open` and `close`."""

    def __init__(
        self,
        account: Account,
        io: Io = EVENT_LOOP,
        *,
        meter: bool = False,
        limit: int = 50,
        timeout: float = 10.0,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.usage = Usage()
        self._counting = threading.Lock()
        self.io = io
        self._account = account
        self._meter = meter
        self._wire_of: Callable[[str], Wire] = lambda endpoint: Wire(
            endpoint, io, limit=limit, timeout=timeout, tls=tls
        )
        self._wire: Wire | None = None
        self._offset = timedelta(0)
        self._told: str = ""
        """The last one that was told."""

    async def open(self) -> None:
        """Find out where to call."""
        endpoint, region = await self._account.locate()
        self._wire, self._signer = self._wire_of(endpoint), Signer(region)

    async def close(self) -> None:
        """Let go of the connections."""
        wire, self._wire = self._wire, None
        if wire is not None:
            await wire.close()

    def now(self) -> datetime:
        """DynamoDB's time: the own clock, unless its answers tell that this is off by seconds."""
        return utc_now() + self._offset

    async def call(self, operation: str, request: Mapping[str, object], answer: type[A]) -> A:
        """Call an operation; what is throttled is asked again with patience.

        Raises `Refused`, `Denied`, `SchemaMismatch`, `Unavailable`, and `Throttled`, which is one.
        """
        body = _encode({**request, "ReturnConsumedCapacity": "TOTAL"} if self._meter else request)
        waits = iter(WAITS)
        while True:
            try:
                return await self._try(operation, body, answer)
            except ThrottledError:
                wait = next(waits, None)
                await self.slow_down(wait)
                if wait is None:
                    raise

    async def slow_down(self, wait: float | None, n: int = 1) -> None:
        """Count `n` refusals, and wait at most so many seconds; None: they were the last."""
        self.count("throttled", n)
        if wait is not None:
            await self.io.sleep(wait * random.random())

    def count(self, what: str, n: int = 1) -> None:
        """Add to `usage`."""
        with self._counting:  # threads may share the driver
            setattr(self.usage, what, getattr(self.usage, what) + n)

    async def _try(self, operation: str, body: bytes, answer: type[A]) -> A:
        response = await self._send(f"DynamoDB_20120810.{operation}", body)
        if response.status != 200:
            raise self._error(response)
        try:
            said = cast("A", _decoder_of(answer).decode(response.body))
        except msgspec.DecodeError as error:
            raise self._lost(f"{operation} was answered with what can't be read") from error
        if self._meter:
            with self._counting:
                self.usage.consume(operation, said.consumed_capacity)
        return said

    async def _send(self, target: str, body: bytes) -> Response:
        wire = self._wire
        if wire is None:
            raise StoreUnusable("the driver is not open: use `async with`")
        keys = await self._account.keys()
        at = self.now()
        headers = self._signer.headers(target, wire.host, body, keys, at)
        self.count("requests")
        try:
            response = await wire.request(headers, body)
        except Unavailable:
            self.count("unavailable")
            raise
        self._set_clock(response.date)
        return response

    def _set_clock(self, date: str) -> None:
        """DynamoDB tells its time in seconds: follow it where the own clock is off by more."""
        if not date or date == self._told:
            return
        self._told = date
        off = parsedate_to_datetime(date) + _SECOND / 2 - utc_now()
        self._offset = off if abs(off) > 2 * _SECOND else timedelta(0)

    def _error(self, response: Response) -> GoncordiaError:
        try:
            refused = Refused.of(_refusal(response.body))
        except msgspec.DecodeError:
            return self._lost(f"status {response.status}")
        if refused.code in THROTTLED:
            return ThrottledError(f"{refused}")
        if refused.code in TRANSIENT or response.status >= 500:
            return self._lost(str(refused))
        if refused.code in CREDENTIALS:
            return Denied(str(refused))
        if refused.code in MISSING:
            return SchemaMismatch(
                f"{refused}: the table is missing; run `goncordia migrate`, or await "
                "driver.migrate()"
            )
        return refused

    def _lost(self, message: str) -> Unavailable:
        self.count("unavailable")
        return Unavailable(f"DynamoDB failed, send it again: {message}")
