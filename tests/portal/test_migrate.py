"""Migrating while people work: nobody waits behind a migration that waits for a table."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
from django.core.management import call_command
from django.db import OperationalError, connection
from django.db.migrations.recorder import MigrationRecorder

from portal.management.commands import migrate
from tests.conftest import database_address, is_postgresql

pytestmark = pytest.mark.django_db(transaction=True)
FROM, BEFORE = "0005", "0004"
"""Between the two lies a change of the table of jobs, and nothing else."""


@pytest.fixture(autouse=True)
def _only_there() -> None:
    if not is_postgresql():
        pytest.skip("SQLite has no locks on tables")


@pytest.fixture(autouse=True)
def _there_and_back() -> Iterator[None]:
    if is_postgresql():
        call_command("migrate", "portal", FROM, verbosity=0)
    yield
    if is_postgresql():
        call_command("migrate", verbosity=0)


@contextmanager
def at_work(seconds: float) -> Iterator[list[float]]:
    """Somebody reads the table of jobs for so long; how long others waited who wanted to, in seconds."""
    address = database_address()
    waits: list[float] = []
    reading, over = threading.Event(), threading.Event()

    def read() -> None:
        with psycopg.connect(address, connect_timeout=3) as reader:
            reader.execute("SELECT count(*) FROM portal_job")
            reading.set()
            time.sleep(seconds)

    def look_in() -> None:
        with psycopg.connect(address, connect_timeout=3, autocommit=True) as other:
            while not over.wait(0.1):
                began = time.monotonic()
                other.execute("SELECT count(*) FROM portal_job")
                waits.append(time.monotonic() - began)

    threads = [threading.Thread(target=read), threading.Thread(target=look_in)]
    for thread in threads:
        thread.start()
    assert reading.wait(5)
    try:
        yield waits
    finally:
        over.set()
        for thread in threads:
            thread.join(30)


def applied() -> set[str]:
    return {name for app, name in MigrationRecorder(connection).applied_migrations() if app == "portal"}


def test_it_gives_way_and_comes_again() -> None:
    with at_work(6) as waits:
        call_command("migrate", "portal", BEFORE, verbosity=0)
    assert max(applied()).startswith(BEFORE)
    assert max(waits) < migrate.LOCK_SECONDS + 1.5
    assert "lock_timeout=3000" not in connection.settings_dict["OPTIONS"]["options"]


@pytest.mark.teeth
@pytest.mark.xfail(strict=True, raises=OperationalError, reason="once is not enough")
def test_coming_again_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    if not is_postgresql():
        raise OperationalError
    monkeypatch.setattr(migrate, "TRIES", 1)
    with at_work(6):
        call_command("migrate", "portal", BEFORE, verbosity=0)


@pytest.mark.teeth
@pytest.mark.xfail(strict=True, raises=AssertionError, reason="all others wait as long as the migration does")
def test_giving_way_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migrate, "LOCK_SECONDS", 10)
    with at_work(6) as waits:
        call_command("migrate", "portal", BEFORE, verbosity=0)
    assert max(waits) < 4.5
