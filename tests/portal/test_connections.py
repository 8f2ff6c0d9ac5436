"""Nothing waits for ever: not for the database, not for the broker, not for anything over a socket."""

from __future__ import annotations

import ast
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC
from pathlib import Path

import psycopg
import pytest
from django.db.backends.postgresql.psycopg_any import BaseTzLoader

from portal import connections
from portal.postgres.base import BoundedConnection, MomentLoader
from tests.test_architecture import modules

TAKES_TIMEOUT = {
    "requests.get": "timeout",
    "requests.post": "timeout",
    "requests.put": "timeout",
    "requests.delete": "timeout",
    "requests.request": "timeout",
    "socket.create_connection": "timeout",
    "urlopen": "timeout",
    "urllib.request.urlopen": "timeout",
    "smtplib.SMTP": "timeout",
    "psycopg.connect": "connect_timeout",
    "redis.Redis": "socket_timeout",
    "redis.from_url": "socket_timeout",
    "connection_for_write": "connect_timeout",
}
"""Calls that wait for another machine → the argument that says for how long."""


def calls_without_timeout(tree: ast.AST) -> list[str]:
    return [
        ast.unparse(node)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        for name in [ast.unparse(node.func)]
        for known, argument in TAKES_TIMEOUT.items()
        if (name == known or name.endswith(f".{known}")) and argument not in {keyword.arg for keyword in node.keywords}
    ]


def test_every_call_to_another_machine_says_how_long_it_waits() -> None:
    wrong = {name: found for name, tree in modules().items() if (found := calls_without_timeout(tree))}
    deploy = Path(__file__).resolve().parents[2] / "deploy"
    wrong |= {
        str(path): found
        for path in deploy.glob("*.py")
        if (found := calls_without_timeout(ast.parse(path.read_text())))
    }
    assert not wrong


@pytest.mark.parametrize("call", ["requests.get(url)", "redis.from_url(url)", "socket.create_connection((a, b))"])
@pytest.mark.teeth
@pytest.mark.xfail(strict=True, reason="the rule bites")
def test_the_rule_finds_what_it_is_for(call: str) -> None:
    assert not calls_without_timeout(ast.parse(call))


@pytest.fixture
def postgres_url(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://coterie@db.example/coterie")


@pytest.mark.usefixtures("postgres_url")
@pytest.mark.parametrize(("role", "statement", "lock"), [("web", 15, 5), ("worker", 600, 15), ("", 0, 15)])
def test_the_database_is_waited_for_as_long_as_the_process_can_afford(
    role: str, statement: int, lock: int, tmp_path: Path
) -> None:
    options = connections.database(tmp_path, role)["OPTIONS"]
    assert f"statement_timeout={statement * 1000}" in options["options"]
    assert f"lock_timeout={lock * 1000}" in options["options"]
    assert options["connect_timeout"] <= 5
    assert options["keepalives_idle"] + options["keepalives_interval"] * options["keepalives_count"] <= 30
    assert options["tcp_user_timeout"] <= 30_000
    assert options.get("silence_timeout", 0) == (statement + 5 if statement else 0)
    assert role != "web" or options["silence_timeout"] + 2 * options["connect_timeout"] <= 30


@pytest.mark.usefixtures("postgres_url")
def test_what_the_address_says_comes_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://coterie@db.example/coterie?connect_timeout=9")
    assert int(connections.database(tmp_path, "web")["OPTIONS"]["connect_timeout"]) == 9


@pytest.mark.parametrize("role", ["web", "worker"])
def test_the_broker_is_waited_for_too(role: str, tmp_path: Path) -> None:
    options = connections.broker("redis://127.0.0.1", tmp_path, role)
    assert 0 < options["socket_connect_timeout"] <= 2
    assert 0 < options["socket_timeout"] <= 15
    assert role != "web" or options["socket_connect_timeout"] + options["socket_timeout"] <= 2


@contextmanager
def server_that_falls_silent() -> Iterator[int]:
    """Speaks PostgreSQL until the connection is made, then says nothing, and hangs up in two seconds; its port."""
    hello = b"R\0\0\0\x08\0\0\0\0" + b"Z\0\0\0\x05I"
    done = threading.Event()

    def serve(listener: socket.socket) -> None:
        client, _ = listener.accept()
        with client:
            client.recv(4096)
            client.sendall(hello)
            done.wait(2)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,), daemon=True)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            done.set()
            thread.join(5)


def ask_the_silent(silence: float) -> float:
    """Seconds until a question to a silent server is given up."""
    with server_that_falls_silent() as port:
        address = f"host=127.0.0.1 port={port} user=x dbname=x gssencmode=disable sslmode=disable"
        with BoundedConnection.connect(address, silence_timeout=silence, autocommit=True, connect_timeout=3) as made:
            began = time.monotonic()
            with pytest.raises(psycopg.OperationalError):
                made.execute("SELECT 1")
            assert made.closed
        return time.monotonic() - began


def test_a_server_that_says_nothing_is_given_up() -> None:
    assert ask_the_silent(0.5) < 1.5


@pytest.mark.teeth
@pytest.mark.xfail(strict=True, reason="without a limit the question hangs until somebody else cuts it")
def test_without_a_limit_it_would_be_waited_for() -> None:
    assert ask_the_silent(0) < 1.5


@pytest.mark.parametrize(
    "said",
    [
        b"2024-02-29 23:59:59.123456+00",
        b"2024-02-29 23:59:59.1+00",
        b"2024-02-29 23:59:59.12345+00",
        b"1970-01-01 00:00:00+00",
        b"0001-01-01 00:00:00+00",
        b"9999-12-31 23:59:59.999999+00",
        b"2024-02-29 23:59:59+05:30",
    ],
)
def test_moments_are_read_as_the_driver_reads_them(said: bytes) -> None:
    class Driver(BaseTzLoader):
        timezone = UTC

    read, expected = MomentLoader(0, None).load(said), Driver(0, None).load(said)
    assert (read, read.tzinfo) == (expected, expected.tzinfo)


@pytest.mark.parametrize("said", [b"10000-01-01 00:00:00+00", b"infinity", b"0044-03-15 00:00:00+00 BC"])
def test_moments_that_python_does_not_know_are_the_drivers_to_refuse(said: bytes) -> None:
    with pytest.raises(psycopg.DataError):
        MomentLoader(0, None).load(said)
