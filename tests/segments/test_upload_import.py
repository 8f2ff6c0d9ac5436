"""Importing a checked file: who is added, what is told, and that doing it twice, stopping it and going on are exact."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from customers.models import Customer
from portal import jobs, leases
from portal.models import AuditEntry, Job, Store, User
from portal.models.job import JobState
from segments import actions
from segments.models import Membership, MembershipChange, Segment, Source, Upload, UploadVerdict
from segments.uploads.work import IMPORT
from tests.conftest import is_postgresql, make_customer
from tests.portal.counting import at_once
from tests.segments.conftest import Desk, csv_of, emails_in, make_customers, put_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def portions_of_ten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portal.sets.CHUNKS", {"sqlite": 10, "postgresql": 10})


def test_import(desk: Desk, store: Store, owner: User) -> None:
    make_customers(store, 3)
    upload = desk.bring([("P00000@x.example", "One", "1"), ("p00001@x.example", "", ""), ("no@x.example", "", "")])
    assert upload.counts == {"added": 2, "unmatched": 1}
    assert emails_in(desk.segment) == {"p00000@x.example", "p00001@x.example"}
    assert (desk.segment.member_count, desk.segment.sources) == (2, Source.UPLOAD)
    row = Membership.everywhere.get(customer__email_key="p00000@x.example")
    assert (row.name, row.phone, row.upload, row.added_by) == ("One", "1", upload, owner)
    change = MembershipChange.everywhere.filter(customer=row.customer).get()
    assert (change.source, change.actor, change.upload) == (Source.UPLOAD, owner, upload)
    assert change.job == jobs.of_subject(upload).filter(kind=IMPORT).get()


def test_the_customer_is_not_overwritten(desk: Desk, store: Store) -> None:
    ada = make_customer(store, "ada@x.example", first_name="Ada", phone="1")
    before = Customer.everywhere.filter(pk=ada.pk).values().get()
    desk.bring([("ADA@X.EXAMPLE", "Somebody Else", "999")])
    assert Customer.everywhere.filter(pk=ada.pk).values().get() == before


def test_nobody_is_doubled_and_emptiness_overwrites_nothing(desk: Desk, store: Store) -> None:
    make_customers(store, 2)
    desk.bring([("p00000@x.example", "Zero", "0"), ("p00001@x.example", "", "")])
    upload = desk.bring([("p00000@x.example", "", "new"), ("p00001@x.example", "One", "")], "again.csv")
    assert upload.counts == {"already": 2}
    said = Membership.everywhere.order_by("customer__email_key").values_list("name", "phone")
    assert list(said) == [("Zero", "new"), ("One", "")]
    assert MembershipChange.everywhere.count() == 2


def test_the_last_row_of_a_person_counts(desk: Desk, store: Store) -> None:
    make_customers(store, 1)
    upload = desk.bring([("p00000@x.example", f"Name {n}", "") for n in range(3)])
    assert upload.counts == {"added": 1, "repeated": 2}
    assert Membership.everywhere.get().name == "Name 2"


def test_the_report_page(desk: Desk, store: Store) -> None:
    make_customers(store, 1)
    upload = desk.bring([("p00000@x.example", "", ""), ("no@x.example", "", "")])
    page = desk.page(upload)
    for words in ("Imported", "What became of the rows", "2 rows in the file", "Undo this import", "no@x.example"):
        assert words in page
    assert desk.report(upload)[1:] == [
        ["2", "p00000@x.example", "Added", ""],
        ["3", "no@x.example", "No customer with this e-mail", "No customer of the store has this e-mail address."],
    ]
    assert [row[0] for row in desk.report(upload, "?result=added")[1:]] == ["2"]
    assert desk.report(upload, "?result=matched")[1:] == []


def test_confirming_and_importing_are_audited(desk: Desk, store: Store, owner: User) -> None:
    make_customers(store, 1)
    desk.bring([("p00000@x.example", "", ""), ("no@x.example", "", "")])
    confirmed, imported = AuditEntry.everywhere.exclude(verb="created").order_by("pk")
    assert (confirmed.verb, confirmed.object_label, confirmed.actor) == (
        "confirmed an import into",
        "Big Spenders",
        owner,
    )
    assert confirmed.changes == {"file": [None, "people.csv"], "rows": [None, 2]}
    assert imported.changes == {
        "file": [None, "people.csv"],
        "added": [None, 1],
        "no customer with this e-mail": [None, 1],
    }


@pytest.mark.parametrize("ticked", [False, True])
def test_people_removed_by_hand(desk: Desk, store: Store, owner: User, ticked: bool) -> None:
    people = make_customers(store, 2)
    put_in(desk.segment, people)
    actions.remove_customers(desk.segment, [people[0].pk], actor=owner)
    upload = desk.bring([(person.email, "", "") for person in people], **({"include_removed": "on"} if ticked else {}))
    assert upload.counts == ({"added": 1, "already": 1} if ticked else {"kept_out": 1, "already": 1})
    assert len(emails_in(desk.segment)) == (2 if ticked else 1)
    assert desk.report(upload)[1][2] == ("Added" if ticked else "Removed by hand before")


def test_the_world_changes_between_check_and_import(desk: Desk, store: Store, owner: User) -> None:
    people = make_customers(store, 4)
    put_in(desk.segment, people[:1])
    rows = [(f"p{n:05}@x.example", "", "") for n in range(5)]
    upload = desk.check(csv_of(rows))
    assert upload.counts == {"already": 1, "matched": 3, "unmatched": 1}
    actions.remove_customers(desk.segment, [people[0].pk], actor=owner)
    actions.add_customer(desk.segment, people[1], actor=owner)
    Customer.everywhere.filter(pk=people[2].pk).update(email="new@x.example", email_key="new@x.example")
    make_customer(store, "p00004@x.example")
    desk.confirm(upload)
    assert [row[2] for row in desk.report(upload)[1:]] == [
        "Removed by hand before",
        "Already in the segment",
        "No customer with this e-mail",
        "Added",
        "Added",
    ]
    assert upload.counts == {"kept_out": 1, "already": 1, "unmatched": 1, "added": 2}


def test_two_tabs_are_one_import(desk: Desk, store: Store) -> None:
    make_customers(store, 1)
    upload = desk.check(csv_of([("p00000@x.example", "", "")]))
    first, second = desk.post("upload_import", upload), desk.post("upload_import", upload)
    assert first["Location"] == second["Location"]
    assert Job.everywhere.filter(kind=IMPORT).count() == 1
    desk.run_jobs()
    desk.post("upload_import", upload)
    assert Job.everywhere.filter(kind=IMPORT).count() == 1
    assert AuditEntry.everywhere.filter(verb="confirmed an import into").count() == 1


def test_the_same_file_again_adds_nobody(desk: Desk, store: Store) -> None:
    make_customers(store, 3)
    rows = [(f"p{n:05}@x.example", "", "") for n in range(3)]
    desk.bring(rows)
    assert desk.bring(rows).counts == {"already": 3}
    assert Upload.everywhere.count() == 2


@pytest.mark.parametrize("name", ["upload_import", "upload_check", "upload_read_as"])
def test_what_is_imported_is_not_checked_or_imported_again(desk: Desk, store: Store, name: str) -> None:
    make_customers(store, 1)
    upload = desk.bring([("p00000@x.example", "", "")])
    desk.post(name, upload, {"encoding": "utf-8", "delimiter": "comma"})
    assert not Job.everywhere.filter(state=JobState.QUEUED).exists()
    upload.refresh_from_db()
    assert upload.counts == {"added": 1}


def test_a_file_is_not_imported_while_it_is_checked(desk: Desk) -> None:
    desk.send(csv_of([("a@x.example", "", "")]))
    answer = desk.post("upload_import", desk.latest(), follow=True)
    assert "The file is being checked." in answer.content.decode()
    assert desk.latest().confirmed_at is None


def begin(upload: Upload) -> tuple[Job, Any]:
    """The import of `upload`, claimed as by a worker, which does one step at a time."""
    job = jobs.claim(jobs.of_subject(upload).latest("pk").pk)
    assert job is not None
    return job, jobs.begin(job)


def test_cancel_in_the_middle_and_go_on(desk: Desk, store: Store, portions_of_ten: None) -> None:
    people = make_customers(store, 35)
    upload = desk.check(csv_of([(person.email, "", "") for person in people]))
    desk.post("upload_import", upload)
    job, work = begin(upload)
    jobs._step(job, work)
    desk.client.post(f"/s/maple/runs/{job.pk}/cancel/")
    jobs._step(job, work)
    job.refresh_from_db()
    assert job.state == JobState.CANCELLED
    assert len(emails_in(desk.segment)) == 20
    page = desk.page(upload)
    for words in ("The import was stopped before its end", "Not imported", "Go on", "Undo this import"):
        assert words in page
    assert [row[2] for row in desk.report(upload)[1:]] == ["Added"] * 20 + ["Not imported"] * 15
    assert len(desk.report(upload, "?result=added")) == 21
    assert len(desk.report(upload, "?result=matched")) == 16
    desk.client.post(f"/s/maple/runs/{job.pk}/retry/")
    desk.run_jobs()
    upload.refresh_from_db()
    assert upload.counts == {"added": 35}
    assert len(emails_in(desk.segment)) == 35


def test_a_worker_that_dies_is_relieved_exactly(desk: Desk, store: Store, portions_of_ten: None) -> None:
    people = make_customers(store, 25)
    upload = desk.check(csv_of([(person.email, "", "") for person in people]))
    desk.post("upload_import", upload)
    job, work = begin(upload)
    jobs._step(job, work)
    Job.everywhere.filter(pk=job.pk).update(state=JobState.QUEUED, lease_until=None)
    desk.run_jobs()
    with pytest.raises(jobs.Fenced):
        leases.write(job, done=0)
    upload.refresh_from_db()
    assert upload.counts == {"added": 25}
    assert MembershipChange.everywhere.count() == 25


def test_progress_is_shown_and_the_page_reloads_at_the_end(desk: Desk, store: Store) -> None:
    make_customers(store, 1)
    upload = desk.check(csv_of([("p00000@x.example", "", "")]))
    desk.post("upload_import", upload)
    job = jobs.of_subject(upload).latest("pk")
    assert f"/s/maple/runs/{job.pk}/progress/" in desk.page(upload)
    desk.run_jobs()
    answer = desk.client.get(f"/s/maple/runs/{job.pk}/progress/?then=reload")
    assert (answer.status_code, answer.headers["HX-Refresh"]) == (286, "true")


def test_the_history_of_uploads(desk: Desk, store: Store, django_assert_num_queries: Any) -> None:
    make_customers(store, 3)
    url = desk.url("uploads", desk.segment.pk)
    assert "No file was uploaded yet" in desk.client.get(url).content.decode()
    numbers = []
    for count in (1, 3):
        while Upload.everywhere.count() < count:
            desk.bring([("p00000@x.example", "", "")], f"{Upload.everywhere.count()}.csv")
        with django_assert_num_queries(8) as asked:
            page = desk.client.get(url).content.decode()
        numbers.append(len(asked))
    assert numbers[0] == numbers[1]
    assert page.count('data-stage="finished"') == 3


def modelled(rows: list[tuple[str, str, str]], customers: set[str], inside: set[str], out: set[str]) -> list[str]:
    """What becomes of each row, told without a database."""
    last = {email.strip().lower(): at for at, (email, _, _) in enumerate(rows)}
    found = []
    for at, (email, _, _) in enumerate(rows):
        key = email.strip().lower()
        if "@" not in key:
            found.append("invalid")
        elif last[key] != at:
            found.append("repeated")
        elif key not in customers:
            found.append("unmatched")
        else:
            found.append("already" if key in inside else "kept_out" if key in out else "added")
    return found


def test_twelve_thousand_rows_in_portions_are_exact(
    desk: Desk, store: Store, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw = random.Random(7)
    Store.objects.filter(pk=store.pk).update(upload_limit=20_000)
    people = make_customers(store, 9_000)
    put_in(desk.segment, people[:1_500])
    actions.remove_customers(desk.segment, [person.pk for person in people[:500]], actor=owner)
    emails = [f"p{draw.randrange(12_000):05}@x.example" for _ in range(11_700)] + ["broken"] * 300
    draw.shuffle(emails)
    rows = [
        (email.upper() if draw.random() < 0.2 else f" {email}", f"Name {at}", "") for at, email in enumerate(emails)
    ]
    monkeypatch.setattr("portal.sets.CHUNKS", {"sqlite": 1_700, "postgresql": 1_700})
    upload = desk.bring(rows)
    inside = {person.email for person in people[500:1_500]}
    expected = modelled(rows, {person.email for person in people}, inside, {person.email for person in people[:500]})
    labels = {**dict(UploadVerdict.choices)}
    assert [row[2] for row in desk.report(upload)[1:]] == [labels[verdict] for verdict in expected]
    assert upload.counts == {verdict: expected.count(verdict) for verdict in set(expected)}
    added = {row[0].strip().lower(): row[1] for row, verdict in zip(rows, expected, strict=True) if verdict == "added"}
    assert emails_in(desk.segment) == inside | set(added)
    named = Membership.everywhere.filter(upload=upload).values_list("customer__email_key", "name")
    assert dict(named) == added


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(not is_postgresql(), reason="SQLite has one writer")
def test_two_files_into_one_segment_at_once(
    client: Client, segment: Segment, store: Store, run_jobs: Callable[[], Any], portions_of_ten: None
) -> None:
    desk = Desk(client, segment, run_jobs)
    people = make_customers(store, 120)
    parts = [people[:80], people[40:]]
    uploads = [desk.check(csv_of([(p.email, "", "") for p in part]), f"{at}.csv") for at, part in enumerate(parts)]
    for upload in uploads:
        desk.post("upload_import", upload)
    queued = [jobs.of_subject(upload).latest("pk").pk for upload in uploads]
    outcomes = at_once(*[lambda pk=pk: jobs.run(pk) for pk in queued])
    assert outcomes == [None, None]
    for upload in uploads:
        upload.refresh_from_db()
        assert sum(upload.counts.values()) == 80
    assert emails_in(segment) == {person.email for person in people}
    assert sum(upload.counts["added"] for upload in uploads) == 120
