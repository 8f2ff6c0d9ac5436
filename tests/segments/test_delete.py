"""Deleting a segment: what it asks, what goes, what is refused, and what happens to work that is running."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from portal import jobs, leases
from portal.models import AuditEntry, Job, Store, User
from portal.models.job import JobState
from segments import actions, dependants
from segments.models import (
    Exclusion,
    Membership,
    MembershipChange,
    Segment,
    SegmentDay,
    Upload,
    UploadRow,
)
from segments.uploads.work import IMPORT
from tests.conftest import is_postgresql
from tests.portal.counting import at_once
from tests.segments.conftest import Desk, csv_of, make_customers, put_in

pytestmark = pytest.mark.django_db
OF_A_SEGMENT: tuple[Any, ...] = (Membership, MembershipChange, Exclusion, SegmentDay, Upload, UploadRow)
TYPED = {"confirm": "Big Spenders"}


@pytest.fixture
def url(segment: Segment) -> str:
    return f"/s/maple/segments/{segment.pk}/delete/"


@pytest.fixture
def full(desk: Desk, store: Store, owner: User) -> Segment:
    """A segment with something of everything."""
    people = make_customers(store, 6)
    desk.bring([(person.email, "", "") for person in people[:4]])
    put_in(desk.segment, people[4:])
    actions.remove_customers(desk.segment, [people[0].pk], actor=owner)
    desk.segment.refresh_from_db()
    return desk.segment


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dependants, "_asked", [])


def test_the_page_says_what_is_lost(client: Client, full: Segment, url: str) -> None:
    page = client.get(url).content.decode()
    assert "permanent and cannot be undone" in page
    assert "5 memberships" in page
    assert "7 times" in page
    assert "1 uploaded file" in page
    assert "Cancel it" not in page


def test_it_disappears_at_once_and_is_emptied_behind(
    client: Client, full: Segment, url: str, owner: User, run_jobs: Callable[[], list[Job]]
) -> None:
    file = Upload.everywhere.get().file
    answer = client.post(url, TYPED, follow=True)
    assert "“Big Spenders” is deleted." in answer.content.decode()
    assert client.get(f"/s/maple/segments/{full.pk}/").status_code == 404
    assert Membership.everywhere.count() == 5
    [job] = run_jobs()
    assert (job.state, job.queue) == (JobState.SUCCEEDED, "bulk")
    assert [model for model in (*OF_A_SEGMENT, Segment) if model.everywhere.exists()] == []
    assert not file.storage.exists(str(file.name))
    entry = AuditEntry.everywhere.filter(verb="deleted").get()
    assert (entry.object_label, entry.actor, entry.changes) == ("Big Spenders", owner, {"members": [5, None]})


def test_its_name_is_free_at_once(full: Segment, store: Store, owner: User) -> None:
    actions.delete_segment(full, typed="Big Spenders", cancel_running=False, actor=owner)
    assert actions.create_segment(store, name="Big Spenders", actor=owner).pk != full.pk


def test_others_keep_what_they_have(
    full: Segment, store: Store, owner: User, run_jobs: Callable[[], list[Job]]
) -> None:
    other = actions.create_segment(store, name="Other", actor=owner)
    put_in(other, make_customers(store, 3, "q"))
    actions.delete_segment(full, typed="Big Spenders", cancel_running=False, actor=owner)
    run_jobs()
    other.refresh_from_db()
    assert (other.member_count, Membership.everywhere.count(), MembershipChange.everywhere.count()) == (3, 3, 3)


def test_many_rows_go_in_portions(
    segment: Segment, store: Store, owner: User, run_jobs: Callable[[], list[Job]], monkeypatch: pytest.MonkeyPatch
) -> None:
    put_in(segment, make_customers(store, 55))
    monkeypatch.setattr("portal.sets.CHUNKS", {"sqlite": 20, "postgresql": 20})
    actions.delete_segment(segment, typed="Big Spenders", cancel_running=False, actor=owner)
    [job] = run_jobs()
    assert job.done == 55 + 55 + 1
    assert not Segment.everywhere.exists()


@pytest.mark.parametrize("typed", ["", "Big", "big spenders", "Big Spenders!"])
def test_the_name_is_checked_by_the_server(client: Client, full: Segment, url: str, typed: str) -> None:
    answer = client.post(url, {"confirm": typed})
    assert answer.status_code == 422
    assert "This is not the name of the segment." in answer.content.decode()
    assert Segment.everywhere.get().deleted_at is None


def test_outer_space_in_the_typed_name_is_forgiven(client: Client, full: Segment, url: str) -> None:
    assert client.post(url, {"confirm": "  Big Spenders "}).status_code == 302


def test_what_depends_on_it_keeps_it(client: Client, full: Segment, url: str, registry: None) -> None:
    dependants.register(lambda segment: [f"The experience “Free Gift” uses {segment}."])
    assert "The experience “Free Gift” uses Big Spenders." in client.get(url).content.decode()
    answer = client.post(url, TYPED)
    assert answer.status_code == 422
    assert "This segment cannot be deleted now" in answer.content.decode()
    assert Segment.everywhere.get().deleted_at is None


def test_what_depends_on_another_does_not(client: Client, full: Segment, url: str, registry: None) -> None:
    dependants.register(lambda segment: [])
    assert client.post(url, TYPED).status_code == 302


def test_a_running_import_is_asked_about(desk: Desk, store: Store, url: str, run_jobs: Callable[[], list[Job]]) -> None:
    people = make_customers(store, 3)
    upload = desk.check(csv_of([(person.email, "", "") for person in people]))
    desk.post("upload_import", upload)
    answer = desk.client.post(url, TYPED)
    assert answer.status_code == 409
    page = answer.content.decode()
    assert "cancel it and delete?" in page
    assert "Import people.csv into Big Spenders" in page
    assert Segment.everywhere.get().deleted_at is None
    assert f'action="{url}?running=cancel"' in page
    assert desk.client.post(f"{url}?running=cancel", TYPED).status_code == 302
    run_jobs()
    assert Job.everywhere.get(kind=IMPORT).state == JobState.CANCELLED
    assert [model for model in (*OF_A_SEGMENT, Segment) if model.everywhere.exists()] == []


@pytest.mark.parametrize("portions", [0, 1, 2])
def test_deleted_in_the_middle_of_an_import(
    desk: Desk,
    store: Store,
    owner: User,
    run_jobs: Callable[[], list[Job]],
    monkeypatch: pytest.MonkeyPatch,
    portions: int,
) -> None:
    """The import has put in some portions when the segment is deleted under it: it ends, and nothing comes back."""
    people = make_customers(store, 25)
    upload = desk.check(csv_of([(person.email, "", "") for person in people]))
    monkeypatch.setattr("portal.sets.CHUNKS", {"sqlite": 10, "postgresql": 10})
    desk.post("upload_import", upload)
    job = jobs.claim(jobs.of_subject(upload).latest("pk").pk)
    assert job is not None
    work = jobs.begin(job)
    for _ in range(portions):
        jobs._step(job, work)
    assert Membership.everywhere.count() == 10 * portions
    actions.delete_segment(desk.segment, typed="Big Spenders", cancel_running=True, actor=owner)
    with pytest.raises(jobs.GiveUp):
        jobs._step(job, work)
    assert leases.ends_as_asked(job)
    run_jobs()
    job.refresh_from_db()
    assert job.state == JobState.CANCELLED
    assert [model for model in (*OF_A_SEGMENT, Segment) if model.everywhere.exists()] == []


def test_deleted_in_the_middle_of_a_check(
    desk: Desk, store: Store, owner: User, run_jobs: Callable[[], list[Job]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portal.sets.CHUNKS", {"sqlite": 10, "postgresql": 10})
    desk.send(csv_of([(f"n{n}@x.example", "", "") for n in range(25)]))
    job = jobs.claim(jobs.of_subject(desk.latest()).latest("pk").pk)
    assert job is not None
    work = jobs.begin(job)
    jobs._step(job, work)
    assert UploadRow.everywhere.count() == 10
    actions.delete_segment(desk.segment, typed="Big Spenders", cancel_running=True, actor=owner)
    with pytest.raises(jobs.GiveUp):
        jobs._step(job, work)
    leases.ends_as_asked(job)
    run_jobs()
    assert [model for model in (*OF_A_SEGMENT, Segment) if model.everywhere.exists()] == []


def test_deleting_twice_says_so(client: Client, full: Segment, url: str, owner: User) -> None:
    stale = Segment.everywhere.get(pk=full.pk)
    actions.delete_segment(full, typed="Big Spenders", cancel_running=False, actor=owner)
    assert client.post(url, TYPED).status_code == 404
    with pytest.raises(actions.membership.SegmentGone):
        actions.delete_segment(stale, typed="Big Spenders", cancel_running=False, actor=owner)


def test_work_does_not_empty_a_segment_that_is_not_deleted(
    full: Segment, store: Store, owner: User, run_jobs: Callable[[], list[Job]]
) -> None:
    jobs.enqueue(store, actions.DELETE_SEGMENT, label="by mistake", subject=full, actor=owner)
    [job] = run_jobs()
    assert job.state == JobState.FAILED
    assert Membership.everywhere.count() == 5


def test_a_viewer_may_not(full: Segment, viewer: User, client_of: Callable[[User], Client], url: str) -> None:
    client = client_of(viewer)
    assert (client.get(url).status_code, client.post(url, TYPED).status_code) == (403, 403)
    assert Segment.everywhere.get().deleted_at is None


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(not is_postgresql(), reason="SQLite has one writer")
@pytest.mark.parametrize("wait", [0, 0.02, 0.05, 0.1, 0.2])
def test_deleted_at_any_moment_of_an_import(
    desk: Desk,
    store: Store,
    owner: User,
    run_jobs: Callable[[], list[Job]],
    monkeypatch: pytest.MonkeyPatch,
    wait: float,
) -> None:
    people = make_customers(store, 200)
    upload = desk.check(csv_of([(person.email, "", "") for person in people]))
    monkeypatch.setattr("portal.sets.CHUNKS", {"sqlite": 10, "postgresql": 10})
    desk.post("upload_import", upload)
    job = jobs.of_subject(upload).latest("pk")

    def delete() -> None:
        time.sleep(wait)
        actions.delete_segment(desk.segment, typed="Big Spenders", cancel_running=True, actor=owner)

    assert at_once(lambda: jobs.run(job.pk), delete) == [None, None]
    run_jobs()
    job.refresh_from_db()
    assert job.state in {JobState.CANCELLED, JobState.SUCCEEDED}
    assert [model for model in (*OF_A_SEGMENT, Segment) if model.everywhere.exists()] == []
