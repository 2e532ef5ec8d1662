"""goncordia on SQLite: one file, shared by as many processes as like, no server."""

from goncordia_sql.sqlite.driver import SqliteDriver
from goncordia_sql.sqlite.sync import SyncSqliteDriver

__all__ = ["SqliteDriver", "SyncSqliteDriver"]
