"""The harness itself: servers that come back with what they had, and wires that break where they are told to."""

from __future__ import annotations

import contextlib
import socket
import time
from pathlib import Path

import psycopg
import pytest
import redis as redis_client
from redis.backoff import NoBackoff
from redis.retry import Retry

from tests.processes.installation import Installation
from tests.processes.servers import Postgres, Redis
from tests.processes.tcpproxy import TcpProxy

pytestmark = [pytest.mark.processes, pytest.mark.once]  # it is about servers of its own


@pytest.mark.parametrize("end", ["stop", "immediate", "kill"])
def test_a_postgres_comes_back_with_what_was_committed(postgres: Postgres, end: str) -> None:
    with psycopg.connect(postgres.url()) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS number")
    if end == "kill":
        postgres.kill()
    else:
        postgres.stop(immediate=end == "immediate")
    assert not postgres.answers()
    postgres.start()
    with psycopg.connect(postgres.url()) as connection:
        assert connection.execute("SELECT number FROM kept").fetchall() == [(7,)]


def test_a_frozen_postgres_answers_nobody(postgres: Postgres) -> None:
    postgres.freeze()
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(postgres.url(), connect_timeout=2)
    postgres.thaw()
    assert postgres.answers()


def test_a_redis_that_was_killed_has_forgotten_all(redis: Redis) -> None:
    redis.client.set("a", 1)
    redis.kill()
    assert not redis.answers()
    redis.start()
    assert redis.client.get("a") is None


def test_an_answer_is_lost_and_the_work_was_done(postgres: Postgres) -> None:
    with TcpProxy(("127.0.0.1", postgres.port)) as proxy:
        proxy.lose_answer_to(b"COMMIT")
        with pytest.raises(psycopg.OperationalError), psycopg.connect(postgres.url(port=proxy.port)) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 7 AS number")
        assert not proxy.is_watching
    with psycopg.connect(postgres.url()) as connection:
        assert connection.execute("SELECT number FROM kept").fetchall() == [(7,)]


def test_wires_break_slow_down_and_come_back(redis: Redis) -> None:
    with TcpProxy(("127.0.0.1", redis.port)) as proxy:

        def ping() -> object:
            client = redis_client.Redis(port=proxy.port, socket_timeout=1, retry=Retry(NoBackoff(), 0))
            with contextlib.closing(client):
                return client.ping()

        assert ping()
        proxy.latency = 0.2
        began = time.monotonic()
        assert ping()
        assert time.monotonic() - began > 0.4
        proxy.latency = 0
        for fault in (proxy.down, lambda: proxy.cut_after(3)):
            fault()
            with pytest.raises(redis_client.ConnectionError):
                ping()
            proxy.up()
            proxy.cut_after(1_000_000)
        proxy.black_hole = True
        with pytest.raises(redis_client.TimeoutError):
            ping()
        proxy.black_hole = False
        assert ping()
        with socket.create_connection(("127.0.0.1", proxy.port)) as held:
            held.sendall(b"PING\r\n")
            assert held.recv(100) == b"+PONG\r\n"
            assert proxy.reset() >= 1
            with pytest.raises(ConnectionResetError):
                held.recv(100)


def test_an_installation_on_servers_of_its_own(postgres: Postgres, redis: Redis, tmp_path: Path) -> None:
    with Installation(tmp_path, postgres.url(), broker=redis.url(), portion=3) as installation:
        answer = installation.ask(
            "from portal import sets\nfrom portal.models import Job\nanswer = sets.chunk_size(Job)"
        )
        assert answer == 3
        installation.manage("check_invariants")
        assert installation.complaints() == []
