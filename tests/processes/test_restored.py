"""A database brought back from yesterday's dump: nothing goes out a second time before somebody has looked."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from portal.hold import WAITS
from tests.processes.conftest import named_server
from tests.processes.installation import Installation
from tests.tooling import postgres
from tests.tooling.outcome import UnavailableError

pytestmark = [
    pytest.mark.processes,
    pytest.mark.skipif(named_server() is None, reason="belongs to the run on PostgreSQL"),
]
LETTER = "portal.letter"
QUIET_SECONDS = 12
"""Longer than the sweeper takes to come by."""
ASK = """
from portal import letters
from portal.models import Staff, Store, User
store = Store.objects.create(slug="maple", name="Maple")
owner = User.objects.create_user("owner@maple.example", "a-long-test-password")
Staff.objects.create_for(store, user=owner, role="owner")
context = {"list": "Regulars", "url": "/"}
answer = letters.enqueue(store, "segments/mail/list_gone", label="Tell", context=context, to=[owner.pk]).pk
"""


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    if program("pg_dump") is None:
        pytest.skip("there is no pg_dump here")
    with Installation(tmp_path, named_server(), broker="filesystem://") as made:
        yield made


def letters(installation: Installation) -> int:
    return len(list((installation.directory / "mail").glob("*")))


def program(name: str) -> str | None:
    if found := shutil.which(name):
        return found
    try:
        beside = postgres.installed_programs() / name
    except UnavailableError:
        return None
    return str(beside) if beside.exists() else None


def client(name: str, *arguments: str) -> None:
    done = subprocess.run([str(program(name)), *arguments], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def start(installation: Installation) -> None:
    before = installation.log("worker").count(" ready.")
    installation.start("beat")
    installation.start("worker")
    installation.wait(lambda: installation.log("worker").count(" ready.") > before, seconds=60, what="a worker")


def stop(installation: Installation) -> None:
    for name in ("beat", "worker"):
        installation.kill(name)


def is_sent(installation: Installation) -> bool:
    job = installation.job(LETTER)
    return job is not None and bool(job["state"] == "succeeded")


def yesterday_comes_back(installation: Installation) -> None:
    """A letter that waits is in the dump; it goes out, and then the dump is the database."""
    start(installation)
    stop(installation)
    installation.ask(ASK)
    dump = installation.directory / "yesterday.dump"
    client("pg_dump", "-Fc", "-f", str(dump), installation.database_url)
    start(installation)
    installation.wait(lambda: letters(installation) == 1, seconds=30, what="the letter")
    installation.wait(lambda: is_sent(installation), seconds=30, what="its end")
    stop(installation)
    assert installation.server is not None
    with psycopg.connect(installation.server, autocommit=True) as server:
        server.execute(f'DROP DATABASE "{installation.database_name}" WITH (FORCE)'.encode())
        server.execute(f'CREATE DATABASE "{installation.database_name}"'.encode())
    client("pg_restore", "--exit-on-error", "-d", installation.database_url, str(dump))


def nothing_goes_out(installation: Installation) -> None:
    start(installation)
    began = time.monotonic()
    while time.monotonic() - began < QUIET_SECONDS:
        assert letters(installation) == 1
        time.sleep(0.2)


def test_nothing_goes_out_before_somebody_has_looked(installation: Installation) -> None:
    yesterday_comes_back(installation)
    nothing_goes_out(installation)
    job = installation.job(LETTER)
    assert job is not None
    assert (job["state"], job["error"]) == ("queued", WAITS)
    installation.start("web")
    visitor = installation.browser()
    installation.wait(lambda: visitor.get("/accounts/login/").ok, seconds=60, what="the web")
    assert visitor.get("/healthz").json()["outbound"] == "held"
    visitor.sign_in("owner@maple.example", "a-long-test-password")
    assert "restored from a backup" in visitor.get("/s/maple/runs/").text
    installation.browser().post("/accounts/password/reset/", {"email": "owner@maple.example"})
    installation.wait(lambda: letters(installation) == 2, seconds=30, what="the link that a person asked for")
    stop(installation)
    start(installation)
    time.sleep(3)
    assert letters(installation) == 2, "held across a restart"
    assert "Things go out again" in installation.manage("release_hold")
    installation.wait(lambda: letters(installation) == 3, seconds=60, what="the letter that was allowed")
    assert visitor.get("/healthz").json()["outbound"] == "open"
    assert installation.complaints("/healthz") == []  # nobody works in the queue for what is outside


@pytest.mark.teeth
@pytest.mark.xfail(strict=True, raises=AssertionError, reason="the letter goes out a second time by itself")
def test_the_file_must_be_there(installation: Installation) -> None:
    yesterday_comes_back(installation)
    (installation.directory / "epoch.json").unlink()
    nothing_goes_out(installation)
