"""One connection: statements out, rows back, as generators that yield whenever there is to wait.

They speak to libpq by psycopg's own generators (`psycopg.generators`), so that whoever knows how
to wait can drive them: a thread, asyncio or trio. Each statement is prepared when it is first met;
what is sent together goes in one pipeline, and costs one round trip.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from itertools import count
from typing import cast

from goncordia.statements import Many, Reply, Row, Statement, Step
from psycopg import adapters, errors, generators, pq
from psycopg.abc import PQGen
from psycopg.adapt import AdaptersMap, Transformer
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGconn, PGresult

from goncordia_postgres.copying import Copy
from goncordia_postgres.statements import localized
from goncordia_postgres.wire import encode

_BINARY = pq.Format.BINARY
_FINE = frozenset({ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK, ExecStatus.EMPTY_QUERY})
_COMMITTED = frozenset({ExecStatus.PIPELINE_SYNC})
"""What ends a pipeline's transaction well: the rows come before its commit."""
_FORGOTTEN = (errors.InvalidSqlStatementName, errors.FeatureNotSupported)
"""Prepared statements are gone (DISCARD ALL), or made for a schema that has changed since."""


class _Plain:
    """psycopg's own loaders, whatever a caller's connection was taught; times come in UTC."""

    adapters = AdaptersMap(adapters)
    connection = None


class Link:
    """What sends operations' statements over a connection, for jobs in a schema of that name."""

    def __init__(self, pgconn: PGconn, schema: str, *, prepares: bool) -> None:
        """`prepares` is False behind a pooler that hands out another connection each time."""
        self.pgconn = pgconn
        self.worn = False
        """Whether the server has become read-only: a new connection may find another one."""
        self.terms: Statement | None = None
        """What goes before a transaction of the link's own, and holds until its end."""
        self._schema = schema
        self._prepares = prepares
        self._names: dict[str, bytes] = {}
        self.defers = False
        """Whether nobody waits for what comes of hints: it is read before the next answer."""
        self._owed = False
        """Whether that is still to be read."""
        self._transformer = Transformer(_Plain())

    @property
    def rests(self) -> bool:
        """Whether it is outside of any transaction, and nothing is to be read but of hints."""
        return self._owed or self.pgconn.transaction_status == pq.TransactionStatus.IDLE

    def ask(self, steps: Sequence[Step], hints: Sequence[Statement] = ()) -> PQGen[list[Reply]]:
        """Send them together, and the hints behind them, in a transaction of their own.

        Raises the first step's `psycopg.Error`; what becomes of a hint is nobody's concern.
        """
        if isinstance(steps[0], Copy):
            replies = [(yield from self._copy(steps[0]))]
            if steps[1:]:
                replies += yield from self._ask(steps[1:], ())
            yield from self.tell(hints)
            return replies
        if self.terms is not None and self.rests:
            return (yield from self._ask([self.terms, *steps], hints))[1:]
        return (yield from self._ask(steps, hints))

    def tell(self, hints: Sequence[Statement]) -> PQGen[None]:
        """Send hints, as behind what was asked."""
        if hints:
            yield from self._pipeline((), hints)

    def _ask(self, steps: Sequence[Step], hints: Sequence[Statement]) -> PQGen[list[Reply]]:
        statements = _flat(steps)
        try:
            results = yield from self._exchange(statements, hints)
            replies = [self._read(result) for result in results]
        except _FORGOTTEN:
            self._names.clear()
            if not self.rests:
                raise
            results = yield from self._exchange(statements, hints)
            replies = [self._read(result) for result in results]
        return _gathered(steps, replies)

    def _copy(self, copy: Copy) -> PQGen[Reply]:
        pgconn = self.pgconn
        yield from self.settle()
        text = localized(copy.text, self._schema)
        if self.terms is not None and self.rests:
            text = f"{self.terms.text};{text}"
        pgconn.send_query(text.encode())
        yield from generators.send(pgconn)
        piece = next(copy.pieces)
        *_, result = yield from generators.fetch_many(pgconn)
        if result.status != ExecStatus.COPY_IN:
            raise errors.error_from_result(result, encoding="utf-8")
        yield from generators.copy_to(pgconn, piece, flush=True)
        for piece in copy.pieces:
            yield from generators.copy_to(pgconn, piece, flush=True)
        result = yield from generators.copy_end(pgconn, None)
        return Reply((), result.command_tuples or 0)

    def _exchange(
        self, statements: Sequence[Statement], hints: Sequence[Statement]
    ) -> PQGen[list[PGresult]]:
        known = not self._prepares or statements[0].text in self._names
        if len(statements) == 1 and known and not (hints or self._owed):
            self._send(statements[0])
            return (yield from generators.execute(self.pgconn))
        return (yield from self._pipeline(statements, hints))

    def _pipeline(
        self, statements: Sequence[Statement], hints: Sequence[Statement]
    ) -> PQGen[list[PGresult]]:
        pgconn = self.pgconn
        pgconn.enter_pipeline_mode()
        try:
            wanted = self._send_all(statements) if statements else []
            if hints:
                self._send_all(hints)
            yield from generators.send(pgconn)
            yield from self._hear_out()
            results: list[PGresult] = []
            whole = True
            for kind in wanted:
                [result] = yield from generators.fetch_many(pgconn)
                failed = result.status not in (_COMMITTED if kind == _SYNCED else _FINE)
                if failed and _PREPARED in wanted:
                    self._names.clear()  # what came after it was not prepared
                if kind == _ANSWERED or failed:
                    results.append(result)
                whole = not failed or kind != _SYNCED
            self._owed = whole and bool(hints)
            if not self.defers:
                yield from self._hear_out()
            return results
        finally:
            self._leave_pipeline()

    def settle(self) -> PQGen[None]:
        """Wait for what comes of the last hints."""
        yield from self._hear_out()
        self._leave_pipeline()

    def _hear_out(self) -> PQGen[None]:
        """Until their transaction has ended: whoever misses a hint looks by himself."""
        owed, self._owed = self._owed, False
        while owed:
            for result in (yield from generators.fetch_many(self.pgconn)):
                owed = owed and result.status not in _COMMITTED
                if result.status not in _FINE | _COMMITTED:
                    self._names.clear()  # it may not have been prepared

    def _leave_pipeline(self) -> None:
        """If everything was read."""
        if not self._owed and self.pgconn.status == pq.ConnStatus.OK:
            with suppress(errors.OperationalError):  # it was left halfway, and will be closed
                self.pgconn.exit_pipeline_mode()

    def _send_all(self, statements: Sequence[Statement]) -> list[int]:
        """Send them as one transaction; what the server will answer, one by one."""
        wanted: list[int] = []
        for statement in statements:
            if self._prepares and statement.text not in self._names:
                self._prepare(statement.text)
                wanted.append(_PREPARED)
            self._send(statement)
            wanted.append(_ANSWERED)
        self.pgconn.pipeline_sync()
        wanted.append(_SYNCED)
        return wanted

    def _prepare(self, text: str) -> None:
        name = f"goncordia_{next(_serial)}".encode()
        self.pgconn.send_prepare(name, localized(text, self._schema).encode())
        self._names[text] = name

    def _send(self, statement: Statement) -> None:
        encoded = [encode(value) for value in statement.params]
        values, formats = [each[0] for each in encoded], [each[1] for each in encoded]
        if self._prepares:
            name = self._names[statement.text]
            self.pgconn.send_query_prepared(name, values, formats, result_format=_BINARY)
        else:
            text = localized(statement.text, self._schema).encode()
            self.pgconn.send_query_params(
                text, values, param_formats=formats, result_format=_BINARY
            )

    def _read(self, result: PGresult) -> Reply:
        if result.status not in _FINE:
            error = errors.error_from_result(result, encoding="utf-8")
            self.worn = self.worn or isinstance(error, errors.ReadOnlySqlTransaction)
            raise error
        rows: Sequence[Row] = ()
        if result.ntuples:
            self._transformer.set_pgresult(result, format=_BINARY)
            rows = cast("list[Row]", self._transformer.load_rows(0, result.ntuples, tuple))
        changed = result.command_tuples
        return Reply(rows, -1 if changed is None else changed)


_serial = count(1)
"""Of prepared statements: one connection may serve several drivers."""
_PREPARED, _ANSWERED, _SYNCED = range(3)


def _flat(steps: Sequence[Step]) -> list[Statement]:
    statements: list[Statement] = []
    for step in steps:
        if isinstance(step, Many):
            statements += [Statement(step.text, row) for row in step.rows]
        else:
            statements.append(step)
    return statements


def _gathered(steps: Sequence[Step], replies: list[Reply]) -> list[Reply]:
    """One reply a step."""
    gathered: list[Reply] = []
    at = 0
    for step in steps:
        if isinstance(step, Many):
            own = replies[at : at + len(step.rows)]
            gathered.append(Reply((), sum(reply.changed for reply in own)))
            at += len(own)
        else:
            gathered.append(replies[at])
            at += 1
    return gathered
