"""/healthz: one glance tells whether the installation works."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client
from django.utils import timezone

from portal import health, tasks
from portal.models import Heartbeat, Job, Store, User
from portal.models.job import JobState

# The parts are asked in threads of their own, which see what is committed.
pytestmark = pytest.mark.django_db(transaction=True)
QUEUES = ("interactive", "bulk", "outside", "deliveries", "activity")


@pytest.fixture
def beating() -> None:
    for queue in QUEUES:
        tasks.heartbeat(queue)


def ask() -> tuple[int, dict[str, Any]]:
    answer = Client().get("/healthz")
    return answer.status_code, answer.json()


@pytest.mark.usefixtures("beating")
def test_all_is_well() -> None:
    status, said = ask()
    assert status == 200
    assert said == {
        "status": "ok",
        "database": "ok",
        "broker": "ok",
        "queues": dict.fromkeys(QUEUES, "ok"),
        "outbound": "open",
    }


def test_a_queue_that_never_spoke_is_silent() -> None:
    status, said = ask()
    assert (status, said["status"], said["queues"]) == (503, "failing", dict.fromkeys(QUEUES, "silent"))


@pytest.mark.usefixtures("beating")
def test_a_queue_that_fell_silent_is_named() -> None:
    Heartbeat.objects.filter(queue="bulk").update(at=timezone.now() - timedelta(seconds=61))
    status, said = ask()
    assert (status, said["queues"]) == (
        503,
        {"interactive": "ok", "bulk": "silent", "outside": "ok", "deliveries": "ok", "activity": "ok"},
    )


@pytest.mark.usefixtures("beating")
@pytest.mark.parametrize(("lease", "state"), [(30, "busy"), (-1, "silent")])
def test_a_queue_whose_worker_is_at_long_work_is_busy_not_silent(store: Store, lease: int, state: str) -> None:
    Heartbeat.objects.filter(queue="bulk").update(at=timezone.now() - timedelta(hours=1))
    until = timezone.now() + timedelta(seconds=lease)
    Job.objects.create_for(store, kind="x", label="x", queue="bulk", state=JobState.RUNNING, lease_until=until)
    status, said = ask()
    assert said["queues"]["bulk"] == state
    assert status == (200 if state == "busy" else 503)


@pytest.mark.usefixtures("beating")
@pytest.mark.parametrize("address", ["redis://:sesame@127.0.0.1:1/0", "amqp://coterie:sesame@127.0.0.1:1//"])
def test_a_broker_that_is_away_is_told_soon_and_without_its_address(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health.app, "connection_for_write", _connection_to(address))
    began = time.monotonic()
    answer = Client().get("/healthz")
    assert time.monotonic() - began < 3
    assert answer.status_code == 503
    assert answer.json()["broker"] == "unreachable"
    assert answer.json()["database"] == "ok"
    assert b"sesame" not in answer.content


def _connection_to(address: str) -> Callable[..., Any]:
    connect = health.app.connection_for_write
    return lambda **options: connect(address, **options)


@pytest.mark.usefixtures("beating")
def test_a_broker_that_takes_the_call_and_says_nothing_does_not_hold_up_the_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"redis://127.0.0.1:{silent.getsockname()[1]}/0"
        monkeypatch.setattr(health.app, "connection_for_write", _connection_to(address))
        began = time.monotonic()
        assert ask()[1]["broker"] == "unreachable"
        assert time.monotonic() - began < 3


@pytest.mark.usefixtures("beating")
def test_a_broker_folder_that_is_not_ours_to_write_is_told(settings: Any) -> None:
    settings.CELERY_BROKER_URL = "filesystem://localhost"
    settings.CELERY_BROKER_TRANSPORT_OPTIONS = {"data_folder_out": "/nowhere/at/all"}
    assert ask()[1]["broker"] == "unreachable"


def test_a_database_that_is_away_is_told_without_details(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> str:
        raise OperationalError("password of user sesame refused")

    monkeypatch.setattr(health, "_database", refuse)
    monkeypatch.setattr(health, "_queues", refuse)
    answer = Client().get("/healthz")
    assert answer.status_code == 503
    assert answer.json()["database"] == "unreachable"
    assert answer.json()["queues"] == dict.fromkeys(QUEUES, "unknown")
    assert b"sesame" not in answer.content


@pytest.mark.usefixtures("beating")
def test_a_part_that_hangs_does_not_hold_up_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "_broker", lambda: time.sleep(5))
    began = time.monotonic()
    status, said = ask()
    assert time.monotonic() - began < 3
    assert (status, said["broker"], said["database"]) == (503, "unreachable", "ok")


@pytest.mark.usefixtures("beating")
def test_it_asks_for_no_session_and_is_kept_by_no_cache(
    owner: User, client_of: Callable[..., Client], django_assert_num_queries: Any
) -> None:
    client = client_of(owner)
    with django_assert_num_queries(0):
        answer = client.get("/healthz")
    assert answer.status_code == 200
    assert "no-store" in answer["Cache-Control"]
    assert not answer.cookies
    assert "Cookie" not in answer.get("Vary", "")


def test_it_only_answers() -> None:
    assert Client().post("/healthz").status_code == 405
