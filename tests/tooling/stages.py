"""The stages of `make test`: one function each, which runs programs and says what became of them."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from portal import processes
from tests.tooling import chromium, postgres
from tests.tooling.outcome import (
    FAILED,
    NOT_RUN,
    PASSED,
    Outcome,
    UnavailableError,
    read_counts,
    read_failed,
    second_try,
)

ROOT = Path(__file__).resolve().parents[2]
STAGE_SECONDS = 30 * 60
NO_TESTS = 5
TWO_AT_A_TIME = ("-n", "2", "-p", "tests.tooling.dealing")
"""Tests of processes and of pages mostly wait for them."""
FEW = 3
"""So many tests of real processes or pages get a second try, alone on the machine. More of them are no accident."""
FAST = "not browser and not processes"
PRODUCTION = {
    "COTERIE_SECRET_KEY": "only for the check of the settings: 0123456789 abcdefghij KLMNOPQRST",
    "COTERIE_ENCRYPTION_KEYS": "only for the check of the settings: 0123456789 abcdefghij",
    "COTERIE_PUBLIC_URL": "https://portal.example",
    "COTERIE_ALLOWED_HOSTS": "portal.example",
    "COTERIE_BEHIND_PROXY": "1",
    "EMAIL_URL": "smtp://localhost:25",
}


class StopError(BaseException):
    """Somebody asked for the end of the run."""


class Context:
    """What the stages share: a scratch directory, and a PostgreSQL and a Chromium that are found when first needed."""

    def __init__(self) -> None:
        self._stack = contextlib.ExitStack()
        self.scratch = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="coterie-make-test-")))
        self._postgres: str | UnavailableError | None = None
        self._chromium: str | UnavailableError | None = None

    def close(self) -> None:
        self._stack.close()

    def postgres_url(self) -> str:
        if self._postgres is None:
            try:
                self._postgres, source = self._stack.enter_context(postgres.database_url())
                print(f"PostgreSQL: {source}", flush=True)
            except UnavailableError as error:
                self._postgres = error
        if isinstance(self._postgres, UnavailableError):
            raise self._postgres
        return self._postgres

    def chromium_path(self) -> str:
        if self._chromium is None:
            try:
                self._chromium = chromium.executable()
                print(f"Chromium: {self._chromium}", flush=True)
            except UnavailableError as error:
                self._chromium = error
        if isinstance(self._chromium, UnavailableError):
            raise self._chromium
        return self._chromium

    def run(self, *command: str, **environment: str) -> int:
        """Run a program of the virtual environment in the project, without our own variables; returns its exit code."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("COTERIE_", "DJANGO_"))}
        kept.pop("DATABASE_URL", None)
        kept.pop("CELERY_BROKER_URL", None)
        environment.setdefault("COTERIE_DATA_DIR", str(self.scratch / "data"))
        program, *arguments = command
        full = [str(Path(sys.executable).with_name(program)), *arguments]
        process = processes.start(full, cwd=ROOT, env={**kept, **environment})
        try:
            return process.wait(STAGE_SECONDS)
        except subprocess.TimeoutExpired:
            print(f"Ended: it took longer than {STAGE_SECONDS // 60} minutes.", flush=True)
            return 1
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(20)
            processes.end_group(process)


@dataclass(frozen=True)
class Stage:
    """A word for --only, a title, and what to do."""

    word: str
    title: str
    do: Callable[[Context], Outcome]


def verdict(*codes: int) -> Outcome:
    return Outcome(FAILED if any(codes) else PASSED)


def style(context: Context) -> Outcome:
    check = context.run("ruff", "check", "--quiet", ".")
    return verdict(check, context.run("ruff", "format", "--check", "--quiet", "."))


def templates(context: Context) -> Outcome:
    files = sorted(str(path.relative_to(ROOT)) for place in ROOT.glob("*/") for path in html_files(place))
    return verdict(context.run("djade", "--check", "--target-version", "5.2", *files)) if files else verdict()


def html_files(place: Path) -> list[Path]:
    if place.name.startswith(".") or place.name in {"static", "docs"}:
        return []
    return [path for path in place.rglob("*.html") if "templates" in path.parts]


def types(context: Context) -> Outcome:
    return verdict(context.run("mypy"))


def migrations(context: Context) -> Outcome:
    return verdict(context.run("python", "manage.py", "makemigrations", "--check", "--dry-run", **PRODUCTION))


def deployment(context: Context) -> Outcome:
    return verdict(context.run("python", "manage.py", "check", "--deploy", "--fail-level", "WARNING", **PRODUCTION))


def run_tests(context: Context, name: str, marks: str, *options: str, **environment: str) -> Outcome:
    """Run pytest on the tests with these marks; what it counted is in the outcome."""
    report = context.scratch / f"{name}.xml"
    code = context.run("python", "-m", "pytest", "-q", "-m", marks, f"--junitxml={report}", *options, **environment)
    counts = read_counts(report)
    if code == NO_TESTS:
        return Outcome(NOT_RUN, "there are no such tests", counts)
    if code and not counts.failed:
        counts.failed = 1  # pytest itself fell over; a total without a failure would be untrue
    return Outcome(FAILED if code else PASSED, "" if not code else f"{counts.failed} failed", counts)


def run_timed_tests(context: Context, name: str, marks: str, **environment: str) -> Outcome:
    """Run tests that wait for real programs, two at a time. What fails though nothing is wrong, on a machine that was
    busy with something else, passes alone: such tests are named, so that nobody takes them for well."""
    kept = f"cache_dir={context.scratch / name}-cache"
    first = run_tests(context, name, marks, *TWO_AT_A_TIME, "-o", kept, **environment)
    if first.state != FAILED or first.counts.failed > FEW:
        return first
    names = read_failed(context.scratch / f"{name}.xml")
    print(f"\nOnce more, alone: {', '.join(names)}", flush=True)
    again = run_tests(context, f"{name}-again", marks, "--last-failed", "-o", kept, **environment)
    return second_try(first, again, names)


def parallel() -> tuple[str, str]:
    return "-n", str(max(2, min(4, os.cpu_count() or 2)))


def fast_sqlite(context: Context) -> Outcome:
    return run_tests(context, "fast-sqlite", FAST, *parallel())


def fast_postgres(context: Context) -> Outcome:
    again = ("-p", "tests.tooling.second_database")
    marks = f"{FAST} and not once"
    return run_tests(context, "fast-postgres", marks, *parallel(), *again, DATABASE_URL=context.postgres_url())


def processes_sqlite(context: Context) -> Outcome:
    return run_timed_tests(context, "processes-sqlite", "processes and not once")


def processes_postgres(context: Context) -> Outcome:
    return run_timed_tests(context, "processes-postgres", "processes", DATABASE_URL=context.postgres_url())


def browser(context: Context) -> Outcome:
    return run_timed_tests(context, "browser", "browser", COTERIE_TEST_CHROMIUM=context.chromium_path())


STAGES = (
    Stage("style", "Style (ruff)", style),
    Stage("templates", "Templates (djade)", templates),
    Stage("types", "Types (mypy)", types),
    Stage("migrations", "Migrations are complete", migrations),
    Stage("deploy", "Production settings (check --deploy)", deployment),
    Stage("sqlite", "Fast tests on SQLite", fast_sqlite),
    Stage("postgres", "Fast tests on PostgreSQL", fast_postgres),
    Stage("processes-sqlite", "Real processes on SQLite", processes_sqlite),
    Stage("processes-postgres", "Real processes on PostgreSQL", processes_postgres),
    Stage("browser", "Browser (Chromium, on SQLite)", browser),
)
