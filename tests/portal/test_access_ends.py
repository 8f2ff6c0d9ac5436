"""Someone who is taken a right away in the middle of using it: the next page, a download, what waits in the queue."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from portal import jobs, store_views
from portal.access import Role
from portal.actions import runs
from portal.models import Job, Staff, Store, User
from portal.models.job import JobState
from portal.store_views import AccessEnded
from segments.models import Segment
from tests.segments.conftest import make_customers

SignIn = Callable[[User], Client]

ENDINGS = {
    "removed": lambda user: Staff.everywhere.filter(user=user).delete(),
    "demoted": lambda user: Staff.everywhere.filter(user=user).update(role=Role.VIEWER),
    "disabled": lambda user: User.objects.filter(pk=user.pk).update(is_active=False),
}


@pytest.fixture(params=ENDINGS)
def ending(request: pytest.FixtureRequest) -> Callable[[User], Any]:
    return ENDINGS[request.param]


@pytest.fixture
def many(store: Store) -> None:
    make_customers(store, 3000)


def test_the_next_request_is_refused(
    manager: User, client_of: SignIn, ending: Callable[[User], Any], store: Store
) -> None:
    client = client_of(manager)
    assert client.get("/s/maple/segments/new/").status_code == 200
    ending(manager)
    assert client.get("/s/maple/segments/new/").status_code in {302, 403, 404}
    assert client.post("/s/maple/segments/new/how/", {"name": "X", "way": "later"}).status_code in {302, 403, 404}
    assert not Segment.everywhere.exists()


@pytest.fixture
def _always_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_views, "ASK_AGAIN_SECONDS", -1)


@pytest.mark.usefixtures("many", "_always_asked")
def test_a_download_breaks_off(manager: User, client_of: SignIn, ending: Callable[[User], Any]) -> None:
    answer: Any = client_of(manager).post("/s/maple/customers/export/")
    parts = iter(answer.streaming_content)
    assert next(parts).startswith("\ufeff".encode())
    ending(manager)
    with pytest.raises(AccessEnded):
        list(parts)


@pytest.mark.usefixtures("many", "_always_asked")
def test_a_download_of_those_who_may_is_whole(manager: User, client_of: SignIn) -> None:
    answer: Any = client_of(manager).post("/s/maple/customers/export/")
    assert len(b"".join(answer.streaming_content).splitlines()) == 3001


@pytest.mark.teeth
@pytest.mark.usefixtures("many", "_always_asked")
@pytest.mark.xfail(strict=True, reason="what was begun is sent to its end")
def test_without_asking_again_all_of_it_is_sent(
    manager: User, client_of: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_views, "_while_allowed", lambda request, permission, parts: parts)
    test_a_download_breaks_off(manager, client_of, ENDINGS["removed"])


def bring(client: Client) -> Job:
    file = SimpleUploadedFile("people.csv", b"email\nada@maple.example\n")
    assert client.post("/s/maple/customers/import/", {"file": file}).status_code == 302
    return Job.everywhere.latest("pk")


def test_what_waits_in_the_queue_is_not_begun(
    manager: User, owner: User, client_of: SignIn, ending: Callable[[User], Any]
) -> None:
    job = bring(client_of(manager))
    ending(manager)
    jobs.run(job.pk)
    job.refresh_from_db()
    assert (job.state, job.error) == (JobState.FAILED, jobs.Said.NOT_ALLOWED)
    # Somebody else takes it on, in the own name.
    runs.retry(job, actor=owner)
    jobs.run(job.pk)
    job.refresh_from_db()
    assert (job.state, job.created_by) == (JobState.SUCCEEDED, owner)


@pytest.mark.teeth
@pytest.mark.xfail(strict=True, reason="nobody asks who asked for it")
def test_without_the_question_it_is_done(manager: User, owner: User, client_of: SignIn) -> None:
    job = bring(client_of(manager))
    Job.everywhere.update(needs="")
    ENDINGS["removed"](manager)
    jobs.run(job.pk)
    job.refresh_from_db()
    assert job.state == JobState.FAILED


def test_what_was_begun_goes_on(manager: User, client_of: SignIn) -> None:
    job = bring(client_of(manager))
    Job.everywhere.filter(pk=job.pk).update(cursor={"stage": "clear"})
    ENDINGS["removed"](manager)
    jobs.run(job.pk)
    job.refresh_from_db()
    assert job.state == JobState.SUCCEEDED


def test_every_job_that_a_person_asks_for_says_what_it_needs(owner: User, client_of: SignIn) -> None:
    assert bring(client_of(owner)).needs == "edit_customers"
