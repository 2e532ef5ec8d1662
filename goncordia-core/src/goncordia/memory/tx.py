"""The caller's own transaction, so that transactional code is tested without a database."""

from __future__ import annotations

from collections.abc import Callable

from goncordia.errors import HandleMismatch, TransactionConflict
from goncordia.memory.moment import Moment
from goncordia.memory.table import Table
from goncordia.memory.writes import Writes

Staged = Callable[[Writes], bool]
"""An operation that waits for the commit; whether it went as its answer promised."""


class Tx:
    """One transaction, made by `driver.begin()` and ended by leaving its block.

    Its writes are private until it commits; others see the rows as they were before. Until it ends
    it locks the rows that it wrote and the unique keys that it took or freed, and nobody waits for
    a lock: `finish` and `act` answer busy, `claim`, `rescue` and `prune` pass over the row, a
    transaction that needs the row or key raises `TransactionConflict`, and a plain insert raises
    `Unavailable`, which a client sends again. An insert that meets a key which is held by committed
    work and being freed here is skipped, as if it had come before this commit.
    """

    __slots__ = ("_moment", "_open", "_staged", "_table", "preview", "writes")

    def __init__(self, table: Table) -> None:
        self._table = table
        self._staged: list[Staged] = []
        self._open = True
        self._moment: Moment | None = None
        self.writes = Writes(table, locking=True)
        self.preview = Writes(table)
        """What staged operations would do as things stand; never applied."""

    def use(self, table: Table, moment: Moment) -> None:
        """Write something then.

        Raises `HandleMismatch` if it has ended or belongs to another store.
        """
        if table is not self._table:
            raise HandleMismatch("tx is a transaction of another memory store")
        if not self._open:
            raise HandleMismatch("tx has ended: begin another with driver.begin()")
        self._moment = moment

    def stage(self, operation: Staged) -> None:
        """Leave an operation to the commit."""
        self._staged.append(operation)

    def commit(self) -> None:
        """Apply everything; raises `TransactionConflict` where staged work can't stand.

        It happens at the instant of the last write: a transaction has no clock of its own.
        """
        if not all(operation(self.writes) for operation in self._staged):
            raise TransactionConflict(
                "what the transaction relied on has changed since it was staged: rerun it"
            )
        self._open = False
        if self._moment is not None:
            self.writes.apply(self._moment)

    def rollback(self) -> None:
        """Forget everything, unless it was committed."""
        if self._open and self._moment is not None:
            self.writes.drop(self._moment)
        self._open = False
