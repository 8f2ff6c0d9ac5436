"""A whole installation of its own: a data directory, a database, and web, worker and beat as real processes."""

from __future__ import annotations

import atexit
import contextlib
import functools
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit, urlunsplit

import psycopg
import requests

from portal import processes
from tests.processes.servers import free_port
from tests.processes.visitor import Visitor

ROOT = Path(__file__).resolve().parents[2]
LEASE_SECONDS = 3
RECOVERY_SECONDS = LEASE_SECONDS + 10 + 15
"""By when work whose worker was killed goes on: the lease runs out, the sweeper comes by, a worker starts on it. With
the lease of production, 30 s, that makes less than a minute."""

PROGRAMS = {
    "web": ["gunicorn", "portal.wsgi", "-k", "gthread", "--threads", "4"],
    "worker": ["celery", "-A", "portal", "worker", "-Q", "interactive,bulk,deliveries,activity", "-c", "1"],
    "outside": ["celery", "-A", "portal", "worker", "-Q", "outside", "--pool=threads", "-c", "4"],
    "beat": ["celery", "-A", "portal", "beat", "--pidfile="],
}


class Installation:
    """`directory` holds its data; `server` is the address of a PostgreSQL server, or None for SQLite.

    Its programs reach the database at `database_port`, if that is another (a proxy's), and the broker at `broker`.
    `portion` is how many rows a step writes, and `environment` what else is to be different.
    """

    def __init__(
        self,
        directory: Path,
        server: str | None,
        *,
        database_port: int | None = None,
        broker: str = "filesystem://",
        portion: int | None = None,
        **environment: str,
    ) -> None:
        self.directory, self.server = directory, server
        self.port = free_port()
        self.base = f"http://127.0.0.1:{self.port}"
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.database_name = f"coterie_{uuid.uuid4().hex[:12]}"
        self.database_url = address_of(server, self.database_name) if server else f"sqlite:///{self._sqlite_file}"
        self.environment = {
            **_clean_environment(),
            "COTERIE_DATA_DIR": str(directory),
            "COTERIE_PUBLIC_URL": self.base,
            "COTERIE_STATIC_DIR": str(_scratch() / "static"),
            "COTERIE_JOB_LEASE_SECONDS": str(LEASE_SECONDS),
            "DATABASE_URL": _at_port(self.database_url, database_port),
            "CELERY_BROKER_URL": broker,
            "TEST_PORTION": str(portion or ""),
            **environment,
        }

    def __enter__(self) -> Self:
        if self.server is None:
            shutil.copy(_migrated(None), self._sqlite_file)
        else:
            _sql(self.server, f'CREATE DATABASE "{self.database_name}" TEMPLATE "{_migrated(self.server)}"')
        return self

    def __exit__(self, *_: object) -> None:
        for name in list(self.processes):
            self.kill(name)
        if self.server:
            with contextlib.suppress(psycopg.OperationalError):
                _sql(self.server, f'DROP DATABASE IF EXISTS "{self.database_name}" WITH (FORCE)')

    @property
    def _sqlite_file(self) -> Path:
        return self.directory / "coterie.sqlite3"

    # --- Programs ---------------------------------------------------------------------------------------------------

    def manage(self, *arguments: str, standard_input: str | None = None, seconds: float = 180) -> str:
        """Run `manage.py`; its output. Raises with what it said when it fails, or takes longer than `seconds`."""
        return manage(self.environment, *arguments, standard_input=standard_input, seconds=seconds)

    def ask(self, program: str, *, seconds: float = 180) -> Any:
        """Run a program inside the installation; what it leaves in `answer`, through JSON."""
        program = f"{program}\nimport json\nprint('\\n@@' + json.dumps(answer, default=str))"
        said = self.manage("shell", "-v0", "-c", program, seconds=seconds)
        return json.loads(said.rsplit("@@", 1)[1])

    def start(self, name: str, program: str = "", *options: str, **environment: str) -> None:
        """Start a program of PROGRAMS as `name` ("web", "worker", "outside", "beat", or another of the same kind), in a
        process group of its own; `environment` is for it alone."""
        first, *rest = PROGRAMS[program or name]
        if first == "gunicorn":
            _collect_static()
            options = ("-b", f"127.0.0.1:{self.port}", *options)
        if "worker" in rest:
            options = ("-n", f"{name}@%h", *options)
        with (self.directory / f"{name}.log").open("ab") as log:
            self.processes[name] = processes.start(
                [str(Path(sys.executable).with_name(first)), *rest, *options],
                cwd=ROOT,
                env={**self.environment, **environment},
                stdout=log,
                stderr=log,
            )

    def start_all(self) -> Visitor:
        """Start every program; a visitor, once pages are served."""
        for name in PROGRAMS:
            self.start(name)
        visitor = self.browser()
        self.wait(lambda: visitor.get("/accounts/login/").ok, seconds=60, what="the web")
        return visitor

    def send(self, name: str, number: int) -> None:
        """Send the signal to the whole group of the process: SIGSTOP freezes it, SIGCONT wakes it."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.processes[name].pid, number)

    def kill(self, name: str, number: int = signal.SIGKILL) -> None:
        """Send the signal to the whole group of the process, and wait for its end."""
        self.send(name, number)
        process = self.processes.pop(name)
        try:
            process.wait(timeout=30)
        finally:
            processes.end_group(process)

    def end(self, name: str, seconds: float) -> float:
        """Ask the program to end, as a deploy does; how many seconds it took. Fails when it takes longer."""
        began = time.monotonic()
        process = self.processes.pop(name)
        process.terminate()
        try:
            process.wait(timeout=seconds)
        finally:
            processes.end_group(process)
        return time.monotonic() - began

    def children(self, name: str) -> list[int]:
        """The processes that a program has started for itself: Celery's and gunicorn's workers."""
        parent = self.processes[name].pid
        listed = Path(f"/proc/{parent}/task/{parent}/children").read_text()
        return [int(pid) for pid in listed.split()]

    # --- What can be seen from outside ------------------------------------------------------------------------------

    def log(self, name: str) -> str:
        path = self.directory / f"{name}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def complaints(self, *expected: str) -> list[str]:
        """The lines of all logs that tell of an error nobody expected; `expected` are patterns of those that are."""
        told = re.compile(r"Traceback|CRITICAL|\"level\": \"error\"")
        forgiven = re.compile("|".join(expected)) if expected else None
        return [
            f"{path.name}: {line[:2_000]}"
            for path in self.directory.glob("*.log")
            for line in path.read_text(errors="replace").splitlines()
            if told.search(line) and not (forgiven and forgiven.search(line))
        ]

    def job(self, kind: str) -> dict[str, Any] | None:
        """The latest job of a kind, read past the application."""
        columns = ("id", "state", "done", "total", "attempts", "lease_token", "error", "cursor")
        # The names are the constants above; the kind is a parameter.
        query = f"SELECT {', '.join(columns)} FROM portal_job WHERE kind = %s ORDER BY id DESC LIMIT 1"
        with self.rows(query, kind) as rows:
            return dict(zip(columns, rows[0], strict=True)) if rows else None

    @contextlib.contextmanager
    def rows(self, query: str, *parameters: Any) -> Iterator[list[tuple[Any, ...]]]:
        """What a query finds, or does, past the application and past any proxy."""
        if self.server:
            with psycopg.connect(self.database_url) as connection:
                cursor = connection.execute(query.encode(), parameters)
                yield cursor.fetchall() if cursor.description else []
            return
        import sqlite3

        with contextlib.closing(sqlite3.connect(self._sqlite_file, timeout=20)) as database, database:
            yield database.execute(query.replace("%s", "?"), parameters).fetchall()

    def wait(self, condition: Callable[[], Any], *, seconds: float, what: str) -> Any:
        """Poll until `condition` holds; its value. Fails with the logs after `seconds`."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            with contextlib.suppress(requests.RequestException):
                if value := condition():
                    return value
            time.sleep(0.02)
        logs = "\n".join(f"--- {path.name}\n{self.log(path.stem)[-6_000:]}" for path in self.directory.glob("*.log"))
        raise AssertionError(f"Waited {seconds} s in vain for {what}.\n{logs}")

    def browser(self) -> Visitor:
        return Visitor(self.base)


# --- What installations share -----------------------------------------------------------------------------------------


def manage(
    environment: dict[str, str], *arguments: str, standard_input: str | None = None, seconds: float = 180
) -> str:
    """Run `manage.py` with this environment; its output. Raises with what it said when it fails, or takes longer."""
    done = subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=environment,
        input=standard_input,
        capture_output=True,
        text=True,
        check=False,
        timeout=seconds,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def address_of(server: str, database: str) -> str:
    return urlunsplit(urlsplit(server)._replace(path=f"/{database}"))


def _at_port(url: str, port: int | None) -> str:
    parts = urlsplit(url)
    return (
        url if port is None else urlunsplit(parts._replace(netloc=parts.netloc.replace(f":{parts.port}", f":{port}")))
    )


def _sql(server: str, statement: str) -> None:
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(statement.encode())


def _clean_environment() -> dict[str, str]:
    """Nothing of what this process was told about another installation; loud about what is out of date."""
    ours = ("COTERIE_", "DJANGO_", "CRASH_", "FREEZE_", "ABORT_")
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith(ours)},
        "COTERIE_DATABASE_ROLE": "coterie_tests_store",
        "COTERIE_SECRET_KEY": "a key that only these tests use, and that opens nothing at all",
        "DJANGO_SETTINGS_MODULE": "tests.processes.settings",
        "PYTHONWARNINGS": "default",
    }


@functools.cache
def _scratch() -> Path:
    directory = Path(tempfile.mkdtemp(prefix="coterie-processes-"))
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    return directory


def _prepare(url: str, command: str, *options: str) -> None:
    environment = {**_clean_environment(), "COTERIE_DATA_DIR": str(_scratch()), "DATABASE_URL": url}
    environment["COTERIE_STATIC_DIR"] = str(_scratch() / "static")
    # Nothing is tested yet: a machine that is busy with much else may take its time.
    manage(environment, command, *options, "-v0", seconds=600)


@functools.cache
def _collect_static() -> None:
    _prepare("sqlite:///:memory:", "collectstatic", "--noinput")


@functools.cache
def _migrated(server: str | None) -> str:
    """A database with every table and no rows, to be copied: its file, or its name on the server."""
    if server is None:
        file = _scratch() / "empty.sqlite3"
        _prepare(f"sqlite:///{file}", "migrate")
        _checkpoint(file)
        return str(file)
    name = f"coterie_empty_{uuid.uuid4().hex[:12]}"
    _sql(server, f'CREATE DATABASE "{name}"')
    atexit.register(_drop_quietly, server, name)
    _prepare(address_of(server, name), "migrate")
    return name


def _checkpoint(file: Path) -> None:
    """Bring everything into the one file that is copied."""
    import sqlite3

    with contextlib.closing(sqlite3.connect(file)) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _drop_quietly(server: str, name: str) -> None:
    with contextlib.suppress(psycopg.Error):
        _sql(server, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
