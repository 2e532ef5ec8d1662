"""goncordia on LMDB: jobs commit with your own records."""

from goncordia_lmdb.driver import LmdbDriver

__all__ = ["LmdbDriver"]
