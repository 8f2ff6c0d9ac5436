"""A PostgreSQL and a Redis of a test's own, which it may stop, kill and start again; nobody else uses them."""

from __future__ import annotations

import atexit
import contextlib
import functools
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import psycopg
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from portal import processes
from tests.tooling import postgres
from tests.tooling.outcome import UnavailableError

START_SECONDS = 60


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


class Server:
    """A program on a port of its own, in a process group of its own, with its files in `directory`."""

    def __init__(self) -> None:
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None
        self.directory = Path(tempfile.mkdtemp(prefix="coterie-server-"))
        self.log_path = self.directory / "server.log"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        shutil.rmtree(self.directory, ignore_errors=True)

    def _launch(self, command: list[str], is_up: Callable[[], bool], **options: Any) -> None:
        """Start the program, and wait until it answers."""
        with self.log_path.open("ab") as log:
            self.process = processes.start(command, stdout=log, stderr=log, cwd=self.directory, **options)
        deadline = time.monotonic() + START_SECONDS
        while not is_up():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"{command[0]} did not start: {self.log_path.read_text(errors='replace')[-800:]}")
            time.sleep(0.02)

    def start(self) -> None:
        raise NotImplementedError

    def kill(self) -> None:
        """End the program, and all it has started, as a power cut does."""
        if self.process is not None:
            processes.end_group(self.process)
            self.process = None

    def _end(self, number: signal.Signals, seconds: float = 30) -> None:
        if self.process is not None:
            self.process.send_signal(number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(seconds)
            self.kill()

    def freeze(self) -> None:
        """Stop the program without ending it: connections stay, and nothing answers."""
        if self.process is not None:
            os.killpg(self.process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        if self.process is not None:
            os.killpg(self.process.pid, signal.SIGCONT)


@functools.cache
def _programs() -> Path:
    found = contextlib.ExitStack()
    programs = found.enter_context(postgres.any_programs())
    atexit.register(found.close)
    return programs


@functools.cache
def _fresh_cluster() -> Path:
    """A directory as initdb makes it; copied for each server, as that is quicker than making it."""
    directory, who = Path(tempfile.mkdtemp(prefix="coterie-cluster-")), postgres.account()
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    (directory / "password").write_text("coterie")
    for path in (directory, directory / "password"):
        if who:
            os.chown(path, who["user"], who["group"])
    postgres.Cluster(_programs()).initialise(directory, who)
    return directory / "data"


class Postgres(Server):
    """A server that keeps what it has said to have kept (fsync is on), so that killing it means something.

    `settings` are lines as in its configuration. Raises UnavailableError where there is no such program.
    """

    def __init__(self, *settings: str) -> None:
        cluster = _fresh_cluster()
        super().__init__()
        self.settings, self.who = settings, postgres.account()
        shutil.copytree(cluster, self.directory / "data", copy_function=shutil.copy)
        for path in (self.directory, *self.directory.rglob("*")):
            if self.who:
                os.chown(path, self.who["user"], self.who["group"])
        (self.directory / "data").chmod(0o700)

    def url(self, name: str = "postgres", port: int | None = None) -> str:
        """The address of a database there; `port` of what stands before it, a proxy for one."""
        return f"postgresql://postgres:coterie@127.0.0.1:{port or self.port}/{name}"

    def start(self) -> None:
        settings = ("listen_addresses=127.0.0.1", "unix_socket_directories=", f"port={self.port}", "fsync=on",
                    "shared_buffers=64MB", *self.settings)  # fmt: skip
        command = [str(_programs() / "postgres"), "-D", str(self.directory / "data")]
        options = [part for setting in settings for part in ("-c", setting)]
        self._launch([*command, *options], self.answers, deadly=signal.SIGQUIT, **self.who)

    def answers(self) -> bool:
        try:
            psycopg.connect(self.url(), connect_timeout=5).close()
        except psycopg.Error:
            return False
        return True

    def stop(self, *, immediate: bool = False) -> None:
        """Stop it with its connections: in order, or at once and without tidying up (`pg_ctl stop -m immediate`)."""
        self._end(signal.SIGQUIT if immediate else signal.SIGINT)


class Redis(Server):
    """A Redis that keeps nothing on disk. Raises UnavailableError where there is no such program."""

    def __init__(self, *settings: str) -> None:
        program = shutil.which("redis-server")
        if program is None:
            raise UnavailableError("redis-server is not installed")
        super().__init__()
        self.program, self.settings = program, settings
        self.client = redis.Redis(port=self.port, socket_timeout=5, retry=Retry(NoBackoff(), 0))

    def url(self, port: int | None = None) -> str:
        return f"redis://127.0.0.1:{port or self.port}/0"

    def start(self) -> None:
        command = [self.program, "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        self._launch([*command, *self.settings], self.answers)

    def answers(self) -> bool:
        try:
            return bool(self.client.ping())
        except redis.RedisError:
            return False

    def stop(self) -> None:
        """Stop it in order; what it held is gone."""
        self._end(signal.SIGTERM)
        self.client.close()
