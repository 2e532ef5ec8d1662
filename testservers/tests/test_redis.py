"""Redis: what tests build on."""

from __future__ import annotations

import socket

from goncordia_testservers.redis import Redis, RedisServer


def tell(server: Redis, command: bytes) -> bytes:
    with socket.create_connection((server.host, server.port)) as connection:
        connection.sendall(command)
        return connection.recv(1000)


def test_it_answers_and_counts_its_commands(redis: Redis) -> None:
    before = redis.commands()
    assert tell(redis, b"SET a 1\r\n") == b"+OK\r\n"
    assert tell(redis, b"DEL a\r\n") == b":1\r\n"
    assert redis.commands() >= before + 2


def test_it_may_be_stopped_and_started_on_what_it_kept() -> None:
    with RedisServer() as server:
        server.stop()
        assert not server.ready()
        server.start(appendonly="yes", appendfsync="always")
        tell(server, b"SET a 1\r\n")
        server.stop()
        server.start(appendonly="yes")
        assert tell(server, b"GET a\r\n") == b"$1\r\n1\r\n"
