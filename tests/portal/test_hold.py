"""After a restore nothing goes out by itself until somebody has looked; and no host takes fright for nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core import mail
from django.core.management import CommandError, call_command
from django.db import OperationalError
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client
from django.utils import timezone

from portal import epoch, hold, jobs, letters, tasks
from portal.models import Epoch, Hold, Job, Store, User
from portal.models.job import JobState

pytestmark = pytest.mark.django_db
SignIn = Callable[..., Client]


class Host:
    """A host's data directory, on the one database that there is."""

    def __init__(self, directory: Path, settings: Any) -> None:
        directory.mkdir()
        self.file, self.settings = directory / "epoch.json", settings

    def watches(self) -> bool:
        """A minute passes on it; whether anything is held then."""
        self.settings.DATA_DIR = self.file.parent
        tasks.keep_watch()
        return hold.is_on()

    def row(self) -> Epoch:
        return Epoch.objects.get(host=json.loads(self.file.read_text())["host"])


@pytest.fixture
def host(tmp_path: Path, settings: Any) -> Callable[[str], Host]:
    # The tests' database may be younger than what they do in it.
    MigrationRecorder.Migration.objects.update(applied=timezone.now() - timedelta(days=30))
    return lambda name: Host(tmp_path / name, settings)


@pytest.fixture
def first(host: Callable[[str], Host]) -> Host:
    return host("first")


def backup() -> list[Epoch]:
    return list(Epoch.objects.all())


def restore(rows: list[Epoch]) -> None:
    """Bring back the rows that matter here."""
    Epoch.objects.all().delete()
    Hold.objects.all().delete()
    Epoch.objects.bulk_create(rows)


def test_as_long_as_nothing_is_lost_nothing_is_held(first: Host) -> None:
    for count in range(1, 5):
        assert not first.watches()
        assert first.row().count == count == json.loads(first.file.read_text())["count"]


def restored(first: Host) -> None:
    first.watches()
    kept = backup()
    first.watches()
    restore(kept)
    assert first.watches()
    held = hold.current()
    assert held is not None
    assert "restored from a backup" in held.reason


def test_a_database_that_went_back_is_noticed(first: Host) -> None:
    restored(first)


@pytest.mark.teeth
@pytest.mark.xfail(strict=True, raises=AssertionError, reason="nobody notices without the file")
def test_the_file_must_be_kept(first: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(epoch, "_write", lambda mark: None)
    restored(first)


def test_it_is_held_until_somebody_lets_go_and_no_longer(first: Host) -> None:
    restored(first)
    assert first.watches()
    assert hold.release(None) == 1
    assert not first.watches()
    assert hold.release(None) == 0


def test_another_database_is_noticed_too(first: Host) -> None:
    first.watches()
    restore([])
    assert first.watches()


def test_a_new_database_is_nobodys_backup(first: Host) -> None:
    first.watches()
    restore([])
    MigrationRecorder.Migration.objects.update(applied=timezone.now() + timedelta(seconds=1))
    assert not first.watches()


def test_a_new_host_begins_with_what_it_finds(first: Host, host: Callable[[str], Host]) -> None:
    for _ in range(3):
        first.watches()
    assert not host("second").watches()
    assert not first.watches()
    assert Epoch.objects.count() == 2


def test_hosts_answer_for_each_other(first: Host, host: Callable[[str], Host]) -> None:
    second = host("second")
    first.watches(), second.watches()
    kept = backup()
    first.watches(), second.watches()
    restore(kept)
    assert first.watches()
    hold.release(None)
    assert not second.watches(), "somebody has answered since it last saw the database"
    assert not first.watches()
    assert not second.watches()


def test_a_process_that_dies_between_row_and_file_holds_nothing(first: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    first.watches()
    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", no_space)
        with pytest.raises(OSError, match="No space"):
            first.watches()
    assert not list(first.file.parent.glob(".epoch-*"))
    assert not first.watches()


def no_space(*_: Any) -> None:
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize("content", ["", "[]", '{"host": 1}', "\x00"])
def test_a_file_that_cannot_be_read_is_none(first: Host, content: str) -> None:
    first.file.write_text(content)
    assert not first.watches()


def test_a_worker_starts_though_the_database_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> None:
        raise OperationalError

    monkeypatch.setattr(hold, "keep_watch", away)
    monkeypatch.setattr(hold.connections, "close_all", lambda: None)
    hold.keep_watch_from_the_start()


# --- What waits, and what does not -----------------------------------------------------------------------------------


def letter(store: Store, owner: User) -> Job:
    context = {"list": "Regulars", "url": "/"}
    return letters.enqueue(store, "segments/mail/list_gone", label="Tell", context=context, to=[owner.pk])


def run(job: Job) -> Job:
    Job.everywhere.filter(pk=job.pk).update(due_at=timezone.now() - timedelta(seconds=1))
    jobs.run(job.pk)
    return Job.everywhere.get(pk=job.pk)


def test_letters_wait_and_then_go(first: Host, store: Store, owner: User) -> None:
    restored(first)
    job = letter(store, owner)
    for _ in range(10):
        waiting = run(job)
        assert (waiting.state, waiting.error, waiting.attempts) == (JobState.QUEUED, hold.WAITS, 0)
    assert mail.outbox == []
    hold.release(None)
    assert run(job).state == JobState.SUCCEEDED
    assert len(mail.outbox) == 1


def test_a_letter_is_not_sent_before_anyone_has_looked(first: Host, store: Store, owner: User) -> None:
    first.watches()
    kept = backup()
    first.watches()
    restore(kept)
    assert run(letter(store, owner)).error == hold.WAITS
    assert mail.outbox == []


@pytest.mark.parametrize("queue", ["interactive", "bulk"])
def test_work_that_stays_inside_goes_on(first: Host, store: Store, counting: Any, queue: str) -> None:
    restored(first)
    job = jobs.enqueue(store, "test.count", label="Count", payload={"steps": 1}, actor=None)
    Job.everywhere.update(queue=queue)
    assert run(job).state == JobState.SUCCEEDED


def test_a_password_link_goes_out(first: Host, owner: User) -> None:
    restored(first)
    Client().post("/accounts/password/reset/", {"email": owner.email})
    assert len(mail.outbox) == 1


# --- Who is told, and who lets go -------------------------------------------------------------------------------------


def test_staff_see_since_when_and_why(first: Host, client_of: SignIn, viewer: User, store: Store) -> None:
    client = client_of(viewer)
    assert "Nothing goes out" not in client.get("/s/maple/runs/").content.decode()
    restored(first)
    page = client.get("/s/maple/runs/").content.decode()
    assert "Nothing goes out by itself since" in page
    assert "restored from a backup" in page


def test_the_operator_asks_for_it_and_takes_it_back(
    first: Host, settings: Any, client_of: SignIn, viewer: User, store: Store
) -> None:
    settings.OUTBOUND_HOLD = True
    assert first.watches()
    assert "COTERIE_OUTBOUND_HOLD" in client_of(viewer).get("/s/maple/runs/").content.decode()
    with pytest.raises(hold.StillAsked):
        hold.release(None)
    with pytest.raises(CommandError, match="Take it away"):
        call_command("release_hold")
    settings.OUTBOUND_HOLD = False
    assert first.watches(), "it lasts until somebody lets go"
    assert Hold.objects.count() == 1
    call_command("release_hold")
    assert not first.watches()


def test_an_admin_lets_go(first: Host, settings: Any, client_of: SignIn) -> None:
    restored(first)
    superuser = User.objects.create_superuser("admin@coterie.example", "x")
    client, held = client_of(superuser), Hold.objects.get()

    def press() -> str:
        data = {"action": "release", "_selected_action": [held.pk]}
        return client.post("/admin/portal/hold/", data, follow=True).content.decode()

    settings.OUTBOUND_HOLD = True
    assert "Take it away" in press()
    settings.OUTBOUND_HOLD = False
    assert "Things go out again" in press()
    held.refresh_from_db()
    assert held.released_by == superuser
    assert "Nothing was held" in press()
