"""Undoing an import takes back exactly what it added, whatever happened in between."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
from django.db.models import F
from django.test import Client

from customers.models import Customer
from portal import jobs
from portal.models import AuditEntry, Job, Store, User
from portal.models.job import JobState
from segments import actions, membership
from segments.membership import Cause
from segments.models import Exclusion, Membership, MembershipChange, Segment, Source, Upload
from segments.uploads.work import UNDO
from tests.conftest import is_postgresql
from tests.portal.counting import at_once
from tests.segments.conftest import Desk, csv_of, emails_in, make_customers, put_in

pytestmark = pytest.mark.django_db
Row = tuple[str, str, str]


def rows_of(people: list[Customer], name: str = "") -> list[Row]:
    return [(person.email, name, "") for person in people]


def held(segment: Segment) -> dict[str, tuple[int, int | None, str]]:
    rows = Membership.everywhere.filter(segment=segment)
    return {row.customer.email: (row.sources, row.upload_id, row.name) for row in rows.select_related("customer")}


def test_undo(desk: Desk, store: Store, owner: User) -> None:
    people = make_customers(store, 5)
    put_in(desk.segment, people[3:])
    upload = desk.bring(rows_of(people[:4]))
    page = desk.client.get(desk.url("upload_undo", desk.segment.pk, upload.pk)).content.decode()
    assert "<strong>3 customers</strong> whom this import added will leave" in page
    desk.undo(upload)
    assert emails_in(desk.segment) == {person.email for person in people[3:]}
    assert not Exclusion.everywhere.exists()
    page = desk.page(upload)
    assert "This import was undone" in page
    assert "3 customers left the segment again." in page
    assert "/undo/" not in page
    left = MembershipChange.everywhere.filter(kind=MembershipChange.Kind.LEFT)
    assert {(row.source, row.actor, row.upload_id) for row in left} == {(Source.UPLOAD, owner, upload.pk)}
    entry = AuditEntry.everywhere.latest("pk")
    assert (entry.verb, entry.actor) == ("undid an import into", owner)
    assert entry.changes == {"file": [None, "people.csv"], "removed": [None, 3]}


def test_undo_leaves_no_trace_on_members(desk: Desk, store: Store) -> None:
    people = make_customers(store, 4)
    put_in(desk.segment, people[:2])
    before = held(desk.segment)
    desk.undo(desk.bring(rows_of(people, "From the file")))
    assert held(desk.segment) == before


def test_whoever_was_added_by_hand_since_stays(desk: Desk, store: Store, owner: User) -> None:
    people = make_customers(store, 2)
    upload = desk.bring(rows_of(people))
    actions.add_customer(desk.segment, people[0], actor=owner)
    page = desk.client.get(desk.url("upload_undo", desk.segment.pk, upload.pk)).content.decode()
    assert "<strong>1 customer</strong>" in page
    assert "1 customer whom it added will stay" in page
    desk.undo(upload)
    assert held(desk.segment) == {people[0].email: (Source.MANUAL, None, "")}


def test_whoever_another_import_lists_is_held_by_that(desk: Desk, store: Store) -> None:
    people = make_customers(store, 4)
    first = desk.bring(rows_of(people[:3], "First"), "first.csv")
    second = desk.bring(rows_of(people[2:], "Second"), "second.csv")
    page = desk.client.get(desk.url("upload_undo", desk.segment.pk, first.pk)).content.decode()
    assert "<strong>2 customers</strong>" in page
    desk.undo(first)
    mark = (int(Source.UPLOAD), second.pk, "Second")
    assert held(desk.segment) == {people[2].email: mark, people[3].email: mark}
    desk.undo(second)
    assert held(desk.segment) == {}


def test_undoing_the_later_import_gives_back_the_earlier_name(desk: Desk, store: Store) -> None:
    people = make_customers(store, 2)
    first = desk.bring(rows_of(people, "First"), "first.csv")
    desk.undo(desk.bring(rows_of(people, "Second"), "second.csv"))
    mark = (int(Source.UPLOAD), first.pk, "First")
    assert held(desk.segment) == dict.fromkeys([person.email for person in people], mark)


def test_what_an_earlier_import_listed_does_not_hold_whom_it_had_lost(desk: Desk, store: Store, owner: User) -> None:
    people = make_customers(store, 1)
    desk.bring(rows_of(people), "first.csv")
    actions.remove_customers(desk.segment, [people[0].pk], actor=owner)
    second = desk.bring(rows_of(people), "second.csv", include_removed="on")
    assert second.counts == {"added": 1}
    desk.undo(second)
    assert held(desk.segment) == {}


def test_whoever_left_and_came_by_hand_is_not_touched(desk: Desk, store: Store, owner: User) -> None:
    people = make_customers(store, 1)
    upload = desk.bring(rows_of(people))
    actions.remove_customers(desk.segment, [people[0].pk], actor=owner)
    actions.add_customer(desk.segment, people[0], actor=owner)
    desk.undo(upload)
    assert held(desk.segment) == {people[0].email: (Source.MANUAL, None, "")}


def test_another_source_keeps_its_hold(desk: Desk, store: Store) -> None:
    people = make_customers(store, 1)
    upload = desk.bring(rows_of(people))
    chosen = Customer.everywhere.annotate(customer_id=F("pk"))
    membership.enter(desk.segment, chosen, Cause(Source.EXPERIENCE))
    desk.undo(upload)
    assert held(desk.segment) == {people[0].email: (Source.EXPERIENCE, None, "")}


def test_undoing_twice_is_undoing_once(desk: Desk, store: Store) -> None:
    people = make_customers(store, 3)
    upload = desk.bring(rows_of(people))
    first, second = desk.post("upload_undo", upload), desk.post("upload_undo", upload)
    assert first["Location"] == second["Location"]
    desk.run_jobs()
    desk.post("upload_undo", upload)
    assert Job.everywhere.filter(kind=UNDO).count() == 1
    assert AuditEntry.everywhere.filter(verb="undid an import into").count() == 1


def test_they_can_be_imported_again(desk: Desk, store: Store) -> None:
    people = make_customers(store, 3)
    desk.undo(desk.bring(rows_of(people)))
    assert desk.bring(rows_of(people)).counts == {"added": 3}


def test_what_was_not_imported_cannot_be_undone(desk: Desk, store: Store) -> None:
    upload = desk.check(csv_of(rows_of(make_customers(store, 1))))
    answer = desk.post("upload_undo", upload, follow=True)
    assert "This file was not imported: there is nothing to undo." in answer.content.decode()


def test_a_stopped_import_is_undone_as_far_as_it_came(
    desk: Desk, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portal.sets.CHUNKS", {"sqlite": 10, "postgresql": 10})
    people = make_customers(store, 35)
    upload = desk.check(csv_of(rows_of(people)))
    desk.post("upload_import", upload)
    job = jobs.claim(jobs.of_subject(upload).latest("pk").pk)
    assert job is not None
    work: Any = jobs.begin(job)
    jobs._step(job, work)
    jobs.cancel(job)
    jobs._step(job, work)
    put_in(desk.segment, people[30:])
    desk.undo(upload)
    assert emails_in(desk.segment) == {person.email for person in people[30:]}
    undo = jobs.of_subject(upload).latest("pk")
    assert (undo.state, undo.result) == (JobState.SUCCEEDED, {"removed": 20})
    jobs.retry(job)
    jobs.run(job.pk)
    job.refresh_from_db()
    assert job.state == JobState.FAILED
    assert "Something else was begun with this file since" in job.error
    assert len(emails_in(desk.segment)) == 5


@pytest.mark.parametrize("seed", range(4))
def test_undo_in_any_order_against_a_model(desk: Desk, store: Store, owner: User, seed: int) -> None:
    """Members are those by hand, and those whom an import that stands has listed since they last came."""
    draw = random.Random(seed)
    people = make_customers(store, 12)
    by_hand: set[str] = set()
    holds: dict[str, list[Upload]] = {person.email: [] for person in people}
    standing: list[Upload] = []
    for turn in range(24):
        act = draw.choice(["import", "import", "add", "remove", "undo"])
        if act == "import":
            chosen = draw.sample(people, 5)
            upload = desk.bring(rows_of(chosen), f"{turn}.csv", include_removed="on")
            standing.append(upload)
            for person in chosen:
                holds[person.email].append(upload)
        elif act == "undo" and standing:
            upload = standing.pop(draw.randrange(len(standing)))
            desk.undo(upload)
            for uploads in holds.values():
                uploads[:] = [other for other in uploads if other.pk != upload.pk]
        else:
            person = draw.choice(people)
            if act == "add":
                actions.add_customer(desk.segment, person, actor=owner)
                by_hand.add(person.email)
            else:
                actions.remove_customers(desk.segment, [person.pk], actor=owner)
                by_hand.discard(person.email)
                holds[person.email] = []
        assert emails_in(desk.segment) == by_hand | {email for email, uploads in holds.items() if uploads}


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(not is_postgresql(), reason="SQLite has one writer")
def test_two_imports_undone_at_once_leave_nobody(
    client: Client, segment: Segment, store: Store, run_jobs: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = Desk(client, segment, run_jobs)
    people = make_customers(store, 60)
    uploads = [desk.bring(rows_of(people), "a.csv"), desk.bring(rows_of(people[::-1]), "b.csv")]
    monkeypatch.setattr("portal.sets.CHUNKS", {"sqlite": 10, "postgresql": 10})
    for upload in uploads:
        desk.post("upload_undo", upload)
    queued = [jobs.of_subject(upload).latest("pk").pk for upload in uploads]
    assert at_once(*[lambda pk=pk: jobs.run(pk) for pk in queued]) == [None, None]
    assert emails_in(segment) == set()
