"""The worker pool: a nursery that runs jobs."""

from goncordia.pool.settings import PoolOptions
from goncordia.pool.worker_pool import WorkerPool, worker_pool

__all__ = ["PoolOptions", "WorkerPool", "worker_pool"]
