"""The worker pool: a nursery that runs jobs."""

from goncordia.pool.worker_pool import WorkerPool, worker_pool

__all__ = ["WorkerPool", "worker_pool"]
