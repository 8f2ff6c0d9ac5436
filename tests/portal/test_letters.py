"""Letters to staff: sent after the transaction that writes them, at least once, to those who still work there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core import mail
from django.core.mail import EmailMessage
from django.db import transaction

from portal import jobs, letters
from portal.models import Job, Staff, Store, User
from portal.models.job import JobState
from tests.conftest import make_user

pytestmark = pytest.mark.django_db
TEMPLATE = "segments/mail/key_refused"
CONTEXT = {"source": "Klaviyo", "account": "Maple", "why": "It is revoked.", "segments": 2, "page": "/s/maple/"}


@pytest.fixture
def broken_server(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Addresses that the mail server does not take letters for."""
    refused: set[str] = set()
    send = EmailMessage.send

    def fails(self: EmailMessage, *args: Any, **kwargs: Any) -> int:
        if set(self.to) & refused:
            raise ConnectionRefusedError
        return send(self, *args, **kwargs)

    monkeypatch.setattr(EmailMessage, "send", fails)
    return refused


def ask(store: Store) -> Job:
    return letters.enqueue(store, TEMPLATE, label="A letter", context=CONTEXT, to=letters.owners(store))


def to() -> list[str]:
    return [letter.to[0] for letter in mail.outbox]


def try_until_it_ends(job: Job) -> Job:
    for _ in range(3 * letters.TRIES_MOST):
        Job.everywhere.filter(pk=job.pk, state=JobState.QUEUED).update(due_at="2020-01-01T00:00Z")
        jobs.run(job.pk)
    job.refresh_from_db()
    return job


def test_every_owner_gets_the_letter(store: Store, owner: User, manager: User, run_jobs: Callable[[], Any]) -> None:
    make_user("second@maple.example", owner=store)
    ask(store)
    assert not mail.outbox
    (job,) = run_jobs()
    assert to() == ["owner@maple.example", "second@maple.example"]
    assert (job.state, job.result) == (JobState.SUCCEEDED, {"sent": 2})
    assert "Hello Owner," in mail.outbox[0].body
    assert "2 segments of Maple Coffee are not synced" in mail.outbox[0].body
    assert mail.outbox[0].subject == "Klaviyo refuses the key of Maple Coffee"


def test_nobody_is_told_of_what_was_taken_back(store: Store, owner: User, run_jobs: Callable[[], Any]) -> None:
    with transaction.atomic():
        ask(store)
        transaction.set_rollback(True)
    assert not run_jobs()


def test_who_works_there_no_more_gets_none(store: Store, owner: User, run_jobs: Callable[[], Any]) -> None:
    second = make_user("second@maple.example", owner=store)
    third = make_user("third@maple.example", owner=store)
    ask(store)
    Staff.everywhere.filter(user=second).delete()
    User.objects.filter(pk=third.pk).update(is_active=False)
    (job,) = run_jobs()
    assert to() == ["owner@maple.example"]
    assert job.result == {"sent": 1, "gone": 2}


def test_a_server_that_is_away_is_tried_again(store: Store, owner: User, broken_server: set[str]) -> None:
    broken_server.add("owner@maple.example")
    job = ask(store)
    jobs.run(job.pk)
    job.refresh_from_db()
    assert (job.state, job.cursor) == (JobState.QUEUED, {"at": 0, "tries": 1})
    assert "tried again by itself" in job.error
    broken_server.clear()
    job = try_until_it_ends(job)
    assert to() == ["owner@maple.example"]
    assert job.state == JobState.SUCCEEDED


def test_one_who_cannot_be_reached_holds_up_nobody(store: Store, owner: User, broken_server: set[str]) -> None:
    make_user("second@maple.example", owner=store)
    broken_server.add("owner@maple.example")
    job = try_until_it_ends(ask(store))
    assert to() == ["second@maple.example"]
    assert (job.state, job.result) == (JobState.SUCCEEDED, {"sent": 1, "failed": 1})


def test_a_letter_that_reaches_nobody_has_failed(store: Store, owner: User, broken_server: set[str]) -> None:
    broken_server.add("owner@maple.example")
    job = try_until_it_ends(ask(store))
    assert job.state == JobState.FAILED
    assert "did not take the letter" in job.error


def test_the_row_holds_nobodys_address(store: Store, owner: User) -> None:
    assert "@" not in str(ask(store).payload)
