"""How an operation runs on a link: by itself, in a transaction of its own, or in the caller's."""

from __future__ import annotations

from typing import TypeVar

from goncordia.statements import Op, Reply, Statement, Step
from psycopg import pq
from psycopg.abc import PQGen

from goncordia_postgres import statements as sql
from goncordia_postgres.env import Env
from goncordia_postgres.link import Link

R = TypeVar("R")

_BEGIN, _COMMIT, _ROLLBACK = (Statement(text) for text in (sql.BEGIN, sql.COMMIT, sql.ROLLBACK))


def alone(link: Link, env: Env, op: Op[R]) -> PQGen[R]:
    """Each statement by itself, and the hints with it.

    Those go in a transaction of their own: the server has one lock for all that notify, and would
    hold it for as long as a commit waits for the disk, one after the other.
    """
    try:
        step = next(op)
        while True:
            [reply] = yield from link.ask([step], env.take_notes())
            step = op.send(reply)
    except StopIteration as stop:
        yield from link.tell(env.take_notes())
        return stop.value


def together(link: Link, env: Env, op: Op[R]) -> PQGen[R]:
    """One transaction of its own, begun with the first statement."""
    try:
        step = next(op)
    except StopIteration as stop:
        return stop.value
    try:
        _, reply = yield from link.ask([_BEGIN, step])
        result = yield from _rest(link, op, reply)
        yield from link.ask([*env.take_notes(), _COMMIT])
    except BaseException:
        if link.pgconn.transaction_status in _OPEN:
            yield from link.ask([_ROLLBACK])
        raise
    return result


def within(link: Link, env: Env, op: Op[R]) -> PQGen[R]:
    """The transaction that is open on the link; hints are heard when it commits."""
    env.late = True
    try:
        step = next(op)
    except StopIteration as stop:
        return stop.value
    [reply] = yield from link.ask([step])
    result = yield from _rest(link, op, reply)
    if notes := env.take_notes():
        yield from link.ask(notes)
    return result


_OPEN = (pq.TransactionStatus.INTRANS, pq.TransactionStatus.INERROR)


def _rest(link: Link, op: Op[R], reply: Reply) -> PQGen[R]:
    try:
        while True:
            step: Step = op.send(reply)
            [reply] = yield from link.ask([step])
    except StopIteration as stop:
        return stop.value
