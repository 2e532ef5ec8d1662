"""PgQueuer without a limit of what runs at once, which is its default."""

from __future__ import annotations

from peers import pgqueuer


class SUBJECT(pgqueuer.SUBJECT):
    settings = "as pgqueuer, but batch_size = at once and no max_concurrent_tasks: more may run"

    def limits(self, concurrency: int) -> dict[str, int]:
        return {"batch_size": concurrency}
