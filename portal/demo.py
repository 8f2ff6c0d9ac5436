"""The demo: the whole portal on this machine, under one process. Nothing here needs Django to be set up."""

from __future__ import annotations

import fcntl
import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import MutableMapping
from pathlib import Path
from typing import IO

from portal import demo_outside, processes
from portal.supervisor import Program, Supervisor

BASE_DIR = Path(__file__).resolve().parent.parent
HOST = "127.0.0.1"
PASSWORD = "coterie-demo"  # noqa: S105
SIGN_INS = {
    "owner@demo.example": "may do everything",
    "viewer@demo.example": "may look",
    "admin@demo.example": "the Django admin, at /admin/",
}


class DemoRefused(SystemExit):
    """The demo cannot run; the message says why and what to do."""

    def __init__(self, message: str) -> None:
        super().__init__(f"\n{message}\n")


def set_environment(environ: MutableMapping[str, str] = os.environ) -> None:
    """Complete `environ` so that the settings can be read: demo mode, the address, and a secret key that is kept.

    Refuses a PORT that is none.
    """
    port = chosen_port(environ)
    environ["COTERIE_DEMO"] = "1"
    environ.setdefault("COTERIE_PUBLIC_URL", f"http://{HOST}:{port}")
    if "COTERIE_SECRET_KEY" not in environ and "COTERIE_SECRET_KEY_FILE" not in environ:
        environ["COTERIE_SECRET_KEY"] = kept_secret(data_dir(environ))


def chosen_port(environ: MutableMapping[str, str]) -> int:
    given = environ.get("PORT", "").strip() or "8000"
    if not (given.isascii() and given.isdigit() and 1 <= int(given) <= 65535):
        raise DemoRefused(
            f"PORT={given!r} is not a port: use a whole number from 1 to 65535, as in PORT=8001 make demo"
        )
    return int(given)


def data_dir(environ: MutableMapping[str, str]) -> Path:
    """The directory of the demo's database, files and logs, created for this user's eyes only."""
    directory = Path(environ.get("COTERIE_DATA_DIR") or BASE_DIR / ".data").resolve()
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise DemoRefused(f"The data directory {directory} cannot be made: {error.strerror}.") from error
    return directory


def kept_secret(directory: Path) -> str:
    """The key in `directory`/secret_key; made at random the first time, readable by its owner alone."""
    path = directory / "secret_key"
    try:
        if path.exists() and (key := path.read_text().strip()):
            return key
        key = secrets.token_urlsafe(48)
        fresh = directory / f".secret_key.{os.getpid()}"
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(key + "\n")
        fresh.replace(path)
    except OSError as error:
        raise DemoRefused(f"{error.filename or path} cannot be used: {error.strerror}.") from error
    return key


def say(message: str) -> None:
    """Print a line; a terminal that has gone away must not bring the demo down before it has stopped its programs."""
    try:
        print(message, flush=True)
    except OSError:
        sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115


def refuse_port_in_use(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except PermissionError as error:
            raise DemoRefused(f"Port {port} needs more rights; choose one above 1023: PORT=8001 make demo") from error
        except OSError as error:
            raise DemoRefused(
                f"Port {port} is in use by another program. Stop it or take another: PORT={port % 65535 + 1} make demo"
            ) from error


def lock(directory: Path) -> IO[str]:
    """Hold `directory` for as long as the returned file is open; refuses a second demo on the same data."""
    file = (directory / "demo.lock").open("a+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.seek(0)
        with file:
            raise DemoRefused(f"The demo already runs on {directory}: {file.read() or 'just started'}.") from None
    except OSError:
        pass  # a file system without locks
    return file


def answers(port: int) -> bool:
    """Whether the web answers HTTP at all."""
    try:
        with socket.create_connection((HOST, port), timeout=5) as connection:
            connection.sendall(f"GET /healthz HTTP/1.0\r\nHost: {HOST}:{port}\r\n\r\n".encode())
            return connection.recv(5) == b"HTTP/"
    except OSError:
        return False


def programs(port: int) -> list[Program]:
    """The web, a worker for what a person waits for, one for long work, one for asking other systems, one for
    what arrives by itself, and the clock."""
    python = [sys.executable, "-m"]
    celery = [*python, "celery", "-A", "portal"]
    worker = [*celery, "worker", "--loglevel=INFO", "--without-gossip", "--without-mingle"]
    alone = "--concurrency=1"
    # Who waits for other systems works on nothing meanwhile: many such waits fit into one process.
    waiting = ["--pool=threads", "--concurrency=4"]
    gunicorn = [*python, "gunicorn", "--config", str(BASE_DIR / "deploy" / "gunicorn.conf.py")]
    return [
        Program("web", [*gunicorn, "--bind", f"{HOST}:{port}", "portal.wsgi"]),
        Program("interactive", [*worker, alone, "--queues=interactive,deliveries", "--hostname=interactive@coterie"]),
        Program("bulk", [*worker, alone, "--queues=bulk", "--hostname=bulk@coterie"]),
        Program("outside", [*worker, *waiting, "--queues=outside", "--hostname=outside@coterie"]),
        Program("activity", [*worker, alone, "--queues=activity", "--hostname=activity@coterie"]),
        Program("beat", [*celery, "beat", "--loglevel=INFO", "--pidfile="]),
    ]


class Demo:
    """One run of the demo, from the checks to the last program's end."""

    def __init__(self) -> None:
        self.port = chosen_port(os.environ)
        self.directory = data_dir(os.environ)
        standing_in, self.outside = demo_outside.stand_in(self.port, os.environ)
        self.supervisor = Supervisor(
            [*programs(self.port), *standing_in],
            self.directory / "logs",
            is_ready=lambda: answers(self.port),
            on_ready=self.welcome,
            say=say,
        )
        self.stopping = False

    def run(self) -> int:
        """Serve until a signal; returns the exit code."""
        with lock(self.directory) as held, processes.stop_signals(self.request_stop):
            refuse_port_in_use(self.port)
            held.truncate(0)
            held.write(f"http://{HOST}:{self.port}, process {os.getpid()}")
            held.flush()
            code = self.prepare()
            if self.stopping or code:
                return 0 if self.stopping else code
            return self.supervisor.run()

    def request_stop(self) -> None:
        if not self.stopping:
            say("\nStopping (up to ten seconds) ...")
        self.stopping = True
        self.supervisor.request_stop()

    def prepare(self) -> int:
        """Bring the database up to date and load the store, in a process of its own; returns its exit code."""
        process = processes.start([sys.executable, str(BASE_DIR / "manage.py"), "demo", "--prepare"])
        while process.poll() is None and not self.stopping:
            time.sleep(0.05)
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                say("The preparation is ended in the middle; the next start takes it up again.")
        processes.end_group(process)
        return process.returncode

    def welcome(self) -> None:
        people = "\n".join(f"    {email:22} {role}" for email, role in SIGN_INS.items())
        services = "".join(f"    {one.name:22} {one.typed}\n" for one in self.outside)
        outside = f"  Stand-ins on this machine, to connect with\n{services}\n" if services else ""
        say(
            f"\n  Coterie runs on  http://{HOST}:{self.port}\n\n  Sign in as\n{people}\n  Password  {PASSWORD}\n\n"
            f"{outside}  Data and logs are kept in {self.directory}. Ctrl-C stops everything.\n"
        )
