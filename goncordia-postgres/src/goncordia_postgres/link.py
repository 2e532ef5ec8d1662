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
        self.flushes = True
        """Whether a commit waits for the disk."""
        self.worn = False
        """Whether the server has become read-only: a new connection may find another one."""
        self.terms: Statement | None = None
        """What goes before a transaction of the link's own, and holds until its end."""
        self._schema = schema
        self._prepares = prepares
        self._names: dict[str, bytes] = {}
        self._transformer = Transformer(_Plain())

    def ask(self, steps: Sequence[Step], *, apart: bool = False) -> PQGen[list[Reply]]:
        """Send them together; apart: each in a transaction of its own.

        Raises the first one's `psycopg.Error`.
        """
        if isinstance(steps[0], Copy):
            replies = [(yield from self._copy(steps[0]))]
            return replies + ((yield from self.ask(steps[1:])) if steps[1:] else [])
        if self.terms is not None and self._begins:
            steps = [self.terms, *steps]
            return (yield from self._ask(steps, apart))[1:]
        return (yield from self._ask(steps, apart))

    @property
    def _begins(self) -> bool:
        """Whether the next statement begins a transaction."""
        return self.pgconn.transaction_status == pq.TransactionStatus.IDLE

    def _ask(self, steps: Sequence[Step], apart: bool) -> PQGen[list[Reply]]:
        statements = _flat(steps)
        try:
            results = yield from self._exchange(statements, apart)
            replies = [self._read(result) for result in results]
        except _FORGOTTEN:
            self._names.clear()
            if not self._begins:
                raise
            results = yield from self._exchange(statements, apart)
            replies = [self._read(result) for result in results]
        return _gathered(steps, replies)

    def _copy(self, copy: Copy) -> PQGen[Reply]:
        pgconn = self.pgconn
        text = localized(copy.text, self._schema)
        if self.terms is not None and self._begins:
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

    def _exchange(self, statements: Sequence[Statement], apart: bool) -> PQGen[list[PGresult]]:
        if len(statements) == 1 and (not self._prepares or statements[0].text in self._names):
            self._send(statements[0])
            return (yield from generators.execute(self.pgconn))
        return (yield from self._pipeline(statements, apart))

    def _pipeline(self, statements: Sequence[Statement], apart: bool) -> PQGen[list[PGresult]]:
        pgconn = self.pgconn
        pgconn.enter_pipeline_mode()
        try:
            wanted = self._send_all(statements, apart)
            yield from generators.send(pgconn)
            results: list[PGresult] = []
            for kind in wanted:
                [result] = yield from generators.fetch_many(pgconn)
                failed = result.status not in (_COMMITTED if kind == _SYNCED else _FINE)
                if failed and _PREPARED in wanted:
                    self._names.clear()  # what came after it was not prepared
                if kind == _ANSWERED or failed:
                    results.append(result)
            return results
        finally:
            if pgconn.status == pq.ConnStatus.OK:
                with suppress(errors.OperationalError):  # it was left halfway, and will be closed
                    pgconn.exit_pipeline_mode()

    def _send_all(self, statements: Sequence[Statement], apart: bool) -> list[int]:
        """Send them; what the server will answer, one by one."""
        wanted: list[int] = []
        for at, statement in enumerate(statements):
            if self._prepares and statement.text not in self._names:
                self._prepare(statement.text)
                wanted.append(_PREPARED)
            self._send(statement)
            wanted.append(_ANSWERED)
            if (apart and statement is not self.terms) or at == len(statements) - 1:
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
