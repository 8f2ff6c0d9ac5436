"""The pages of background runs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.template.loader import render_to_string
from django.test import Client, RequestFactory
from django.utils import timezone

from portal import jobs, queries
from portal.models import AuditEntry, Job, Store, User
from portal.models.job import JobState
from segments.models import Segment

pytestmark = pytest.mark.django_db
SignIn = Callable[..., Client]


def make_run(store: Store, state: str = JobState.RUNNING, **fields: Any) -> Job:
    now = timezone.now()
    standard = {
        "kind": "test.count",
        "label": "Count the beans",
        "queue": "bulk",
        "lease_until": now + timedelta(hours=1),
    }
    job: Job = Job.objects.create_for(store, state=state, **standard | fields)
    return job


def fresh(job: Job) -> Job:
    return Job.everywhere.get(pk=job.pk)


@pytest.mark.parametrize("rows", [1, 3])
def test_the_list_costs_the_same_however_long(
    client_of: SignIn, viewer: User, store: Store, rows: int, django_assert_num_queries: Any
) -> None:
    for _ in range(rows):
        make_run(store, created_by=viewer)
    client = client_of(viewer)
    with django_assert_num_queries(6):
        assert client.get("/s/maple/runs/").status_code == 200


@pytest.mark.usefixtures("counting")
def test_the_list_is_narrowed_down(client_of: SignIn, viewer: User, store: Store, other_store: Store) -> None:
    make_run(store, JobState.FAILED, label="Peas")
    make_run(store, JobState.SUCCEEDED, label="Lentils", kind="other.kind")
    make_run(other_store, JobState.FAILED, label="Foreign beans")
    client = client_of(viewer)

    def shown(query: str) -> list[str]:
        return [row.record.label for row in client.get(f"/s/maple/runs/{query}").context["table"].rows]

    assert shown("") == ["Lentils", "Peas"]
    assert shown("?state=failed") == ["Peas"]
    assert shown("?kind=test.count") == ["Peas"]
    assert shown("?q=lent") == ["Lentils"]
    assert shown("?state=failed&kind=test.count&q=lent") == []
    assert shown("?state=odd&kind=odd") == ["Lentils", "Peas"]
    assert "Foreign" not in client.get("/s/maple/runs/").content.decode()


def test_the_empty_list_says_what_will_stand_here(client_of: SignIn, viewer: User) -> None:
    client = client_of(viewer)
    assert "Nothing has run yet" in client.get("/s/maple/runs/").content.decode()
    assert "No run matches" in client.get("/s/maple/runs/?state=failed").content.decode()


def test_a_run_tells_how_far_it_is_and_asks_again(client_of: SignIn, viewer: User, store: Store) -> None:
    job = make_run(store, done=43_210, total=100_000, phase="Importing")
    page = client_of(viewer).get(f"/s/maple/runs/{job.pk}/").content.decode()
    assert "43,210 of 100,000" in page
    assert f'hx-get="/s/maple/runs/{job.pk}/progress/?then=reload' in page
    assert 'value="43"' in page


def test_a_run_that_has_ended_asks_no_more(client_of: SignIn, viewer: User, store: Store) -> None:
    job = make_run(store, JobState.SUCCEEDED)
    assert "hx-get" not in client_of(viewer).get(f"/s/maple/runs/{job.pk}/").content.decode().split("<main")[1]


def test_the_live_part_ends_with_the_run(client_of: SignIn, viewer: User, store: Store) -> None:
    job, client = make_run(store, phase="Importing"), client_of(viewer)
    address = f"/s/maple/runs/{job.pk}/progress/"
    answer = client.get(f"{address}?then=reload&unit=rows")
    assert (answer.status_code, b"<html" in answer.content, "HX-Refresh" in answer) == (200, False, False)
    Job.everywhere.filter(pk=job.pk).update(state=JobState.SUCCEEDED)
    assert client.get(address).status_code == 286
    answer = client.get(f"{address}?then=reload")
    assert (answer.status_code, answer["HX-Refresh"]) == (286, "true")


def test_failures_show_their_text_and_the_next_try(client_of: SignIn, viewer: User, store: Store) -> None:
    client = client_of(viewer)
    failed = make_run(store, JobState.FAILED, error="The file is gone. Upload it again.")
    waiting = make_run(store, JobState.QUEUED, error=jobs.Said.HICCUP, due_at=timezone.now() + timedelta(minutes=5))
    for page in (f"/s/maple/runs/{failed.pk}/", f"/s/maple/runs/{failed.pk}/progress/", "/s/maple/runs/"):
        assert "The file is gone. Upload it again." in client.get(page).content.decode()
    for page in (f"/s/maple/runs/{waiting.pk}/", f"/s/maple/runs/{waiting.pk}/progress/", "/s/maple/runs/"):
        assert "Next try" in client.get(page).content.decode()


@pytest.mark.parametrize(("seconds", "is_told"), [(30, False), (90, True)])
def test_after_a_minute_in_the_queue_the_delay_is_told(
    client_of: SignIn, viewer: User, store: Store, seconds: int, is_told: bool
) -> None:
    job = make_run(store, JobState.QUEUED, due_at=timezone.now() - timedelta(seconds=seconds))
    client = client_of(viewer)
    assert ("Workers are delayed" in client.get(f"/s/maple/runs/{job.pk}/progress/").content.decode()) is is_told
    assert ("Background work is delayed" in client.get("/s/maple/runs/").content.decode()) is is_told


def test_cancelling_and_trying_again(client_of: SignIn, manager: User, store: Store) -> None:
    job, client = make_run(store, JobState.QUEUED), client_of(manager)
    answer = client.post(f"/s/maple/runs/{job.pk}/cancel/", follow=True)
    assert answer.redirect_chain == [(f"/s/maple/runs/{job.pk}/", 302)]
    assert "was cancelled" in answer.content.decode()
    assert fresh(job).state == JobState.CANCELLED
    assert "can no longer be cancelled" in client.post(f"/s/maple/runs/{job.pk}/cancel/", follow=True).content.decode()
    assert "goes on from where it stood" in client.post(f"/s/maple/runs/{job.pk}/retry/", follow=True).content.decode()
    assert fresh(job).state == JobState.QUEUED
    assert "needs no other try" in client.post(f"/s/maple/runs/{job.pk}/retry/", follow=True).content.decode()
    assert [entry.verb for entry in AuditEntry.objects.for_store(store).order_by("pk")] == ["cancelled", "tried again"]


@pytest.mark.parametrize(
    ("came_from", "goes_to"),
    [
        ("http://testserver/s/maple/segments/4/?q=a", "/s/maple/segments/4/?q=a"),
        ("https://elsewhere.example/s/maple/", None),
        ("//elsewhere.example/", None),
        ("javascript:alert(1)", None),
        ("", None),
    ],
)
def test_one_comes_back_to_where_one_was(
    client_of: SignIn, manager: User, store: Store, came_from: str, goes_to: str | None
) -> None:
    job = make_run(store, JobState.QUEUED)
    answer = client_of(manager).post(f"/s/maple/runs/{job.pk}/cancel/", headers={"Referer": came_from})
    assert answer["Location"] == (goes_to or f"/s/maple/runs/{job.pk}/")


def test_a_viewer_looks_and_does_not_touch(client_of: SignIn, viewer: User, store: Store) -> None:
    job, client = make_run(store), client_of(viewer)
    page = client.get(f"/s/maple/runs/{job.pk}/").content.decode()
    assert f"/runs/{job.pk}/cancel/" not in page
    assert client.post(f"/s/maple/runs/{job.pk}/cancel/").status_code == 403
    assert client.post(f"/s/maple/runs/{job.pk}/retry/").status_code == 403
    assert fresh(job).cancel_asked_at is None


def test_another_stores_runs_are_not_there(client_of: SignIn, manager: User, other_store: Store) -> None:
    job, client = make_run(other_store, label="Foreign beans"), client_of(manager)
    for address in ("", "progress/"):
        answer = client.get(f"/s/maple/runs/{job.pk}/{address}")
        assert answer.status_code == 404
        assert b"Foreign" not in answer.content
    for address in ("cancel/", "retry/"):
        assert client.post(f"/s/maple/runs/{job.pk}/{address}").status_code == 404
    assert fresh(job).cancel_asked_at is None


def test_acting_takes_a_post(client_of: SignIn, manager: User, store: Store) -> None:
    job = make_run(store)
    assert client_of(manager).get(f"/s/maple/runs/{job.pk}/cancel/").status_code == 405
    assert fresh(job).cancel_asked_at is None


def test_a_page_without_a_run_includes_nothing(store: Store) -> None:
    request: Any = RequestFactory().get("/")
    request.store = store
    assert render_to_string("portal/run_progress.html", {"job": None, "request": request}).strip() == ""
    with_run = render_to_string(
        "portal/run_progress.html", {"job": make_run(store), "request": request, "may": {"manage_runs": True}}
    )
    assert "Cancel" in with_run


def test_a_run_leads_to_what_it_is_about_while_that_is_there(client_of: SignIn, viewer: User, store: Store) -> None:
    segment = Segment(store=store, name="Beans")
    segment.save()
    job = make_run(store, JobState.SUCCEEDED, subject_type="segments.segment", subject_id=segment.pk)
    assert queries.subject_url(job) == segment.get_absolute_url()
    page = client_of(viewer).get(f"/s/maple/runs/{job.pk}/").content.decode()
    assert "See what it is about" in page
    Segment.everywhere.update(deleted_at=timezone.now())
    assert queries.subject_url(job) is None
    assert queries.subject_url(make_run(store, subject_type="segments.segment", subject_id=0)) is None
    assert queries.subject_url(make_run(store)) is None
