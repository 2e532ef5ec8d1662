"""goncordia on PostgreSQL, through psycopg 3."""

from goncordia_postgres.borrow import AsyncpgConnection
from goncordia_postgres.connection import AnyioConnection
from goncordia_postgres.driver import PostgresDriver
from goncordia_postgres.grants import grants
from goncordia_postgres.sync import SyncPostgresDriver

__all__ = ["AnyioConnection", "AsyncpgConnection", "PostgresDriver", "SyncPostgresDriver", "grants"]
