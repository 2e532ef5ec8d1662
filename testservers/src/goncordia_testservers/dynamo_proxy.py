"""A proxy before DynamoDB Local: what AWS does to a client, and what it would bill.

The local server never throttles, loses no reply, its index never lags, and it tells no costs of
batches of statements. The proxy does all of that, by chance from a seed, and counts what it did.
"""

from __future__ import annotations

import http.client
import json
import random
import sys
import threading
import time
from collections import Counter
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self, cast
from urllib.parse import urlsplit

from goncordia_testservers import dynamo_bill as bill
from goncordia_testservers.dynamo_bill import Json

THROTTLING, CAPACITY = "ThrottlingException", "ProvisionedThroughputExceededException"
FAULTS = (
    *("throttled", "over capacity", "half throttled", "in conflict", "failed", "failed late"),
    *("refused", "lost", "delayed", "stale"),
)
"""`half`: some statements, keys or entries of a request; `in conflict`: some statements or entries
met another transaction; `failed`: an InternalServerError, `late`:
though it was done; `refused` and `lost`: no reply, before and after it was done; `stale`: an index
as it was some time ago."""
SLOWEST = 0.03
"""Seconds of a delay, at most."""
REMEMBERED = 0.4
"""How old a stale answer of the index may be, in seconds."""


class DynamoProxy:
    """A proxy on the loopback interface: `with` starts and ends it; `endpoint` is its address."""

    def __init__(
        self, upstream: str, rates: Mapping[str, float] | None = None, seed: int = 0
    ) -> None:
        """`rates` say how often each of `FAULTS` happens to a request that it can happen to."""
        self.rates = dict(rates or {})
        self.counts: Counter[str] = Counter()
        """How often each fault happened, and what was billed: `read units`, `write units`."""
        self.loses = ""
        """An operation whose replies are all lost."""
        self.billing = False
        """Whether statements are executed one by one, to be told what each costs."""
        self._upstream = urlsplit(upstream).netloc
        self._chance = random.Random(seed)
        self._lock = threading.Lock()
        self._index: dict[str, tuple[float, bytes]] = {}
        proxy = self

        class Handler(_Handler):
            def do_POST(self) -> None:
                proxy.handle(self)

        self._server = _Server(("127.0.0.1", 0), Handler)
        self.endpoint = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        """Serve."""
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End."""
        self._server.shutdown()
        self._server.server_close()

    def units(self, kind: str) -> float:
        """What was billed of `read units` or `write units`, in whole and half units."""
        return self.counts[kind] / 2

    def handle(self, asked: _Handler) -> None:
        """Answer one request, or don't."""
        body = asked.rfile.read(int(asked.headers["content-length"]))
        operation = asked.headers["x-amz-target"].rpartition(".")[2]
        if self._happens("delayed"):
            time.sleep(self._chance.random() * SLOWEST)
        if self._happens("throttled"):
            return asked.refuse(THROTTLING)
        if self._happens("over capacity"):
            return asked.refuse(CAPACITY)
        if self._happens("failed"):
            return asked.refuse("InternalServerError", 500)
        if self._happens("refused"):
            return asked.hang_up()
        return self._pass_on(asked, operation, body)

    def _pass_on(self, asked: _Handler, operation: str, body: bytes) -> None:
        request = cast("Json", json.loads(body))
        if bill.has_parts(operation) and self._happens("half throttled"):
            answer = self._half(asked, operation, request, "ThrottlingError")
        elif bill.has_writes(operation) and self._happens("in conflict"):
            answer = self._half(asked, operation, request, "TransactionConflict")
        elif _is_look(request) and self._happens("stale", count=False):
            answer = self._stale(asked, operation, request)
        else:
            answer = self._send(asked, operation, request)
        if answer[0] == 200 and _is_look(request):
            with self._lock:
                self._index.setdefault(_line(request), (time.monotonic(), answer[1]))
        if self._happens("failed late"):
            return asked.refuse("InternalServerError", 500)
        if operation == self.loses or self._happens("lost"):
            return asked.hang_up()
        return asked.answer(*answer)

    def _send(self, asked: _Handler, operation: str, request: Json) -> tuple[int, bytes]:
        def send(operation: str, request: Json) -> tuple[int, bytes]:
            headers = {
                name: value
                for name, value in asked.headers.items()
                if name.lower() in ("authorization", "x-amz-date", "content-type")
            }
            headers["x-amz-target"] = f"DynamoDB_20120810.{operation}"
            connection = http.client.HTTPConnection(self._upstream, timeout=30)
            try:
                connection.request("POST", "/", json.dumps(request), headers)
                response = connection.getresponse()
                return response.status, response.read()
            finally:
                connection.close()

        if not self.billing:
            return send(operation, request)
        return bill.billed(send, operation, request, self._charge)

    def _charge(self, kind: str, units: float) -> None:
        with self._lock:
            self.counts[kind] += round(units * 2)

    def _half(self, asked: _Handler, operation: str, request: Json, code: str) -> tuple[int, bytes]:
        """Part of a request is done, and the other part refused."""
        kept, refused, restore = bill.halves(operation, request, self._chance, code)
        if not refused:
            return self._send(asked, operation, request)
        status, answer = self._send(asked, operation, kept) if kept else (200, b"{}")
        if status != 200:
            return status, answer
        return restore(cast("Json", json.loads(answer)))

    def _stale(self, asked: _Handler, operation: str, request: Json) -> tuple[int, bytes]:
        """The index as it was, if that is not too long ago."""
        with self._lock:
            at, answer = self._index.get(_line(request), (0.0, b""))
            if time.monotonic() - at < REMEMBERED:
                self.counts["stale"] += 1
                return 200, answer
            self._index.pop(_line(request), None)
        return self._send(asked, operation, request)

    def _happens(self, fault: str, *, count: bool = True) -> bool:
        with self._lock:
            happens = self._chance.random() < self.rates.get(fault, 0.0)
            self.counts[fault] += happens and count
        return happens


def _is_look(request: Json) -> bool:
    """Whether it asks for the beginning of a line of the index."""
    return "IndexName" in request and "ExclusiveStartKey" not in request


def _line(request: Json) -> str:
    return json.dumps([request["ExpressionAttributeValues"], request.get("Limit")])


class _Server(ThreadingHTTPServer):
    """A thread a connection."""

    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that hung up are of no interest; the rest is."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)  # pyright: ignore[reportArgumentType]


class _Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def answer(self, status: int, body: bytes) -> None:
        """Send an answer."""
        self.send_response(status)
        self.send_header("content-type", "application/x-amz-json-1.0")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def refuse(self, code: str, status: int = 400) -> None:
        """Send an error."""
        told = {"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": "by the proxy"}
        self.answer(status, json.dumps(told).encode())

    def hang_up(self) -> None:
        """Send nothing, and close."""
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""
