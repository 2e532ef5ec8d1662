"""What befalls workers and stores."""

from __future__ import annotations

from typing import cast

from goncordia_testservers.postgres import PostgresServer

from chaos.arena import Arena, Blow
from chaos.crew import TTL
from chaos.postgres import PostgresStore
from chaos.stores import SqliteStore, Store

RESCUED = 5.0
"""Seconds after which a job is tried again that was rescued for the first time."""
AWAY = 2.0
"""Seconds for which a store is away."""


def kill_a_worker(arena: Arena) -> None:
    """SIGKILL, in the middle of its jobs."""
    arena.crew.kill(arena.chance)


def freeze_a_worker(arena: Arena) -> None:
    """It stands still until others have done its jobs, and goes on as if nothing had been."""
    thaw = arena.crew.freeze(arena.chance)
    arena.pause(TTL + RESCUED + 2)
    thaw()


def lock_the_file(arena: Arena) -> None:
    """Somebody holds SQLite's write lock for a while."""
    with arena.store.connect(arena.store.url) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        arena.pause(AWAY)
        connection.execute("ROLLBACK")


def crash_the_server(arena: Arena) -> None:
    """PostgreSQL's immediate stop; a while later it starts again on what it kept."""
    server = _server(arena)
    server.stop("immediate")
    arena.pause(AWAY)
    server.start()


def terminate_every_backend(arena: Arena) -> None:
    """All connections but the one that says so."""
    _run(arena, f"SELECT {TERMINATE} WHERE pid <> pg_backend_pid() AND {CLIENTS}")


def terminate_the_listeners(arena: Arena) -> None:
    """Those that wait for hints, and nobody else."""
    _run(arena, f"SELECT {TERMINATE} WHERE query ILIKE 'listen%' AND {CLIENTS}")


def fill_up_the_server(arena: Arena) -> None:
    """Nobody but a superuser gets a connection, and those who had one lost it."""
    _run(arena, "ALTER ROLE worker CONNECTION LIMIT 1")
    terminate_every_backend(arena)
    arena.pause(AWAY)
    _run(arena, "ALTER ROLE worker CONNECTION LIMIT -1")


def leave_a_transaction_open(arena: Arena) -> None:
    """Idle in transactions: one has looked at every job, the other has locked a hundred."""
    connect, url = arena.store.connect, arena.store.url
    with connect(url) as looker, connect(url) as holder:
        looker.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        looker.execute("SELECT count(*) FROM goncordia.job_row")
        holder.execute("BEGIN")
        holder.execute("SELECT 1 FROM goncordia.job_row WHERE state < 4 LIMIT 100 FOR UPDATE")
        arena.pause(AWAY)


def cut_statements_short(arena: Arena) -> None:
    """A statement_timeout that nothing keeps, for connections from now on."""
    _set(arena, "statement_timeout = '1ms'")
    terminate_every_backend(arena)
    arena.pause(AWAY)
    _set(arena, "statement_timeout = 0")
    terminate_every_backend(arena)


def fail_over(arena: Arena) -> None:
    """The primary dies; for a while there is a standby alone, and then that is the primary."""
    store = cast("PostgresStore", arena.store)
    standby = store.follow()
    arena.pause(AWAY)
    store.server.stop("immediate")
    arena.pause(AWAY)
    store.promote(standby)


def refuse_to_write(arena: Arena) -> None:
    """Every write is refused (25006), as by the standby that a name points at too early."""
    _set(arena, "default_transaction_read_only = on")
    arena.pause(AWAY)
    _set(arena, "default_transaction_read_only = off")


CLIENTS = "backend_type = 'client backend'"
TERMINATE = "count(pg_terminate_backend(pid)) FROM pg_stat_activity"


def _server(arena: Arena) -> PostgresServer:
    return cast("PostgresStore", arena.store).server


def _run(arena: Arena, *statements: str) -> None:
    with PostgresStore.connect(_server(arena).url()) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def _set(arena: Arena, what: str) -> None:
    _run(arena, f"ALTER SYSTEM SET {what}", "SELECT pg_reload_conf()")


BLOWS: dict[type[Store], tuple[Blow, ...]] = {
    SqliteStore: (kill_a_worker, lock_the_file, freeze_a_worker),
    PostgresStore: (
        kill_a_worker,
        crash_the_server,
        terminate_every_backend,
        terminate_the_listeners,
        fill_up_the_server,
        leave_a_transaction_open,
        cut_statements_short,
        refuse_to_write,
        fail_over,
        freeze_a_worker,
    ),
}
STORES: dict[str, type[Store]] = {store.name: store for store in BLOWS}
"""By the name that `make chaos STORE=...` calls them."""
