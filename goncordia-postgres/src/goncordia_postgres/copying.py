"""Inserting many plain jobs by COPY, in its binary format: the fastest way into the table.

It knows no conflict: where an id is there already nothing is written, and `insert` has to answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from struct import Struct

from goncordia.answers import Inserted, Insertion
from goncordia.jobs import NewJob
from goncordia.statements import Op, Statement

from goncordia_postgres.env import Env
from goncordia_postgres.insert import is_plain

LEAST = 500
"""Jobs; an array for each column is faster below."""
PIECE = 200
"""Jobs that are sent together."""
COPY = """
COPY goncordia.job_row (id, kind, queue, version, priority, max_attempts, args)
FROM STDIN (FORMAT binary)"""

_HEAD = b"PGCOPY\n\xff\r\n\0" + b"\0" * 8
_TAIL = b"\xff\xff"
_COLUMNS = Struct("!hi").pack(7, 16)
_SIZE = Struct("!i").pack
_NUMBERS = Struct("!iiihih").pack


class Copy(Statement):
    """A COPY, and what follows it: made while the server is busy with the pieces before."""

    pieces: Iterator[bytes]


def fits(jobs: Sequence[NewJob]) -> bool:
    """Whether COPY can write them: many, without unique keys and times of their own."""
    return len(jobs) >= LEAST and all(job.run_at is None and is_plain(job) for job in jobs)


def copy(env: Env, jobs: Sequence[NewJob]) -> Op[list[Inserted]]:
    """Write all of them or raise `psycopg.errors.UniqueViolation`."""
    for queue in {job.queue for job in jobs}:
        env.tell(queue)
    step = Copy(COPY)
    step.pieces = _pieces(jobs)
    yield step
    return [Inserted(job.id, Insertion.CREATED) for job in jobs]


def _pieces(jobs: Sequence[NewJob]) -> Iterator[bytes]:
    middles: dict[tuple[str, str, int, int, int], bytes] = {}
    parts = [_HEAD]
    for at in range(0, len(jobs), PIECE):
        for job in jobs[at : at + PIECE]:
            key = (job.kind, job.queue, job.version, job.priority, job.max_attempts)
            middle = middles.get(key)
            if middle is None:
                middle = middles[key] = _middle(*key)
            args = job.args
            parts += (_COLUMNS, job.id.int.to_bytes(16), middle, _SIZE(len(args)), args)
        yield b"".join(parts)
        parts.clear()
    yield _TAIL


def _middle(kind: str, queue: str, version: int, priority: int, max_attempts: int) -> bytes:
    texts = b"".join(_SIZE(len(data)) + data for data in (kind.encode(), queue.encode()))
    return texts + _NUMBERS(4, version, 2, priority, 2, max_attempts)
