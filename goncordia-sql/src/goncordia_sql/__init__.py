"""goncordia on SQL databases: SQLite, the embedded default."""
