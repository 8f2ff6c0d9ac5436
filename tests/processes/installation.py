"""A whole installation of its own: a data directory, a database, and web, worker and beat as real processes."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit, urlunsplit

import psycopg
import requests

ROOT = Path(__file__).resolve().parents[2]
LEASE_SECONDS = 3


class Installation:
    """`directory` holds its data; `server` is the address of a PostgreSQL server, or None for SQLite."""

    def __init__(self, directory: Path, server: str | None) -> None:
        self.directory, self.server = directory, server
        self.port = _free_port()
        self.base = f"http://127.0.0.1:{self.port}"
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.database_name = f"coterie_{uuid.uuid4().hex[:12]}"
        self.database_url = self._make_database()
        self.environment = {
            "COTERIE_DATABASE_ROLE": "coterie_tests_store",
            **{name: value for name, value in os.environ.items() if not name.startswith(("COTERIE_", "DJANGO_"))},
            "COTERIE_DATA_DIR": str(directory),
            "COTERIE_SECRET_KEY": "a key that only these tests use, and that opens nothing at all",
            "COTERIE_PUBLIC_URL": self.base,
            "COTERIE_JOB_LEASE_SECONDS": str(LEASE_SECONDS),
            "DATABASE_URL": self.database_url,
            "CELERY_BROKER_URL": "filesystem://",
            "PYTHONWARNINGS": "default",
        }

    def __enter__(self) -> Self:
        self.manage("migrate", "-v0")
        self.manage("collectstatic", "--noinput", "-v0")
        return self

    def __exit__(self, *_: object) -> None:
        for name in list(self.processes):
            self.kill(name)
        if self.server:
            with psycopg.connect(self.server, autocommit=True) as connection:
                connection.execute(f'DROP DATABASE IF EXISTS "{self.database_name}" WITH (FORCE)')

    def _make_database(self) -> str:
        if self.server is None:
            return f"sqlite:///{self.directory / 'coterie.sqlite3'}"
        with psycopg.connect(self.server, autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{self.database_name}"')
        return urlunsplit(urlsplit(self.server)._replace(path=f"/{self.database_name}"))

    def manage(self, *arguments: str, standard_input: str | None = None) -> str:
        """Run `manage.py`; its output. Raises with what it said when it fails."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=self.environment,
            input=standard_input,
            capture_output=True,
            text=True,
            check=False,
            timeout=180,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def ask(self, program: str) -> Any:
        """Run a program inside the installation; what it leaves in `answer`, through JSON."""
        said = self.manage(
            "shell", "-v0", "-c", f"{program}\nimport json\nprint('\\n@@' + json.dumps(answer, default=str))"
        )
        return json.loads(said.rsplit("@@", 1)[1])

    def start(self, name: str) -> None:
        """Start `web`, `worker` or `beat`, in a process group of its own."""
        command = {
            "web": ["gunicorn", "portal.wsgi", "-b", f"127.0.0.1:{self.port}", "-k", "gthread", "--threads", "4"],
            "worker": ["celery", "-A", "portal", "worker", "-Q", "interactive,bulk,deliveries", "-c", "1"],
            "beat": ["celery", "-A", "portal", "beat", "--pidfile="],
        }[name]
        program = Path(sys.executable).with_name(command[0])
        with (self.directory / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [str(program), *command[1:]],
                cwd=ROOT,
                env=self.environment,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )

    def kill(self, name: str, number: int = signal.SIGKILL) -> None:
        """Send the signal to the whole group of the process, and wait for its end."""
        process = self.processes.pop(name)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        process.wait(timeout=30)

    def log(self, name: str) -> str:
        path = self.directory / f"{name}.log"
        return path.read_text(errors="replace")[-6_000:] if path.exists() else ""

    def job(self, kind: str) -> dict[str, Any] | None:
        """The latest job of a kind, read past the application."""
        columns = ("id", "state", "done", "total", "attempts", "lease_token", "error", "cursor")
        # The names are the constants above; the kind is a parameter.
        query = f"SELECT {', '.join(columns)} FROM portal_job WHERE kind = %s ORDER BY id DESC LIMIT 1"
        with self.rows(query, kind) as rows:
            return dict(zip(columns, rows[0], strict=True)) if rows else None

    @contextlib.contextmanager
    def rows(self, query: str, *parameters: Any) -> Iterator[list[tuple[Any, ...]]]:
        if self.server:
            with psycopg.connect(self.database_url) as connection:
                yield connection.execute(query.encode(), parameters).fetchall()
            return
        import sqlite3

        with contextlib.closing(sqlite3.connect(self.directory / "coterie.sqlite3", timeout=20)) as database:
            yield database.execute(query.replace("%s", "?"), parameters).fetchall()

    def wait(self, condition: Callable[[], Any], *, seconds: float, what: str) -> Any:
        """Poll until `condition` holds; its value. Fails with the logs after `seconds`."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            with contextlib.suppress(requests.ConnectionError):
                if value := condition():
                    return value
            time.sleep(0.02)
        logs = "\n".join(f"--- {name}\n{self.log(name)}" for name in ("web", "worker", "beat"))
        raise AssertionError(f"Waited {seconds} s in vain for {what}.\n{logs}")

    def browser(self) -> Visitor:
        return Visitor(self.base)


class Visitor:
    """Someone at a browser without JavaScript: follows links, fills in forms."""

    def __init__(self, base: str) -> None:
        self.base, self.session = base, requests.Session()

    def get(self, path: str) -> requests.Response:
        return self.session.get(self.base + path, timeout=30)

    def post(self, path: str, data: dict[str, Any], **files: Any) -> requests.Response:
        """Post a form with its CSRF token, taken from the page that shows the form."""
        return self.session.post(
            self.base + path,
            data={**data, "csrfmiddlewaretoken": self.token(path)},
            files=files or None,
            headers={"Referer": self.base + path},
            timeout=60,
        )

    def token(self, path: str) -> str:
        found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', self.get(path).text)
        assert found is not None, f"{path} has no form"
        return found.group(1)

    def sign_in(self, email: str, password: str) -> None:
        answer = self.post("/accounts/login/", {"login": email, "password": password})
        assert answer.ok, answer.text[:500]
        assert "/accounts/login" not in answer.url, "the sign-in was refused"


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
