"""Work that is cancelled, tried again too late, or overtaken: what it did and did not do stays true."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db.models import F

from customers.models import Customer
from portal import jobs
from portal.models import Job, Store
from portal.models.job import JobState
from segments import membership
from segments.membership import Cause
from segments.models import Membership, Segment, SegmentDay, Source
from segments.uploads.work import CHECK, UNDO
from tests.conftest import make_customer
from tests.segments.conftest import Desk, csv_of, emails_in, make_customers, put_in

pytestmark = pytest.mark.django_db


def test_an_old_check_that_is_tried_again_touches_nothing(desk: Desk, store: Store) -> None:
    people = make_customers(store, 3)
    upload = desk.bring([(person.email, "", "") for person in people])
    old = Job.everywhere.get(kind=CHECK)
    Job.everywhere.filter(pk=old.pk).update(state=JobState.FAILED, cursor={})
    jobs.retry(old)
    desk.run_jobs()
    old.refresh_from_db()
    assert (old.state, "Something else was begun" in old.error) == (JobState.FAILED, True)
    upload.refresh_from_db()
    assert upload.counts == {"added": 3}
    assert [row[2] for row in desk.report(upload)[1:]] == ["Added"] * 3


def test_a_cancelled_undo_leaves_its_upload_in_force(desk: Desk, store: Store) -> None:
    rows = [(person.email, "", "") for person in make_customers(store, 3)]
    first, second = desk.bring(rows, "first.csv"), desk.bring(rows, "second.csv")
    desk.post("upload_undo", second)
    jobs.cancel(Job.everywhere.get(kind=UNDO))
    desk.undo(first)
    assert len(emails_in(desk.segment)) == 3


def test_customers_who_come_and_go_between_check_and_import(desk: Desk, store: Store) -> None:
    people = make_customers(store, 4)
    upload = desk.check(csv_of([(person.email, "", "") for person in people] + [("late@x.example", "", "")]))
    assert upload.counts == {"matched": 4, "unmatched": 1}
    late = make_customer(store, "late@x.example")
    put_in(desk.segment, people[:2])
    desk.confirm(upload)
    assert upload.counts == {"added": 3, "already": 2}
    assert emails_in(desk.segment) == {person.email for person in [*people, late]}
    assert Membership.everywhere.get(customer=late).sources == Source.UPLOAD


def test_a_deletion_comes_to_its_end(desk: Desk, store: Store) -> None:
    put_in(desk.segment, make_customers(store, 2))
    desk.client.post(desk.url("delete", desk.segment.pk), {"confirm": desk.segment.name})
    deletion = Job.everywhere.latest("pk")
    answer = desk.client.post(f"/s/maple/runs/{deletion.pk}/cancel/", follow=True)
    assert "can no longer be cancelled" in answer.content.decode()
    assert f"/runs/{deletion.pk}/cancel/" not in answer.content.decode()
    desk.run_jobs()
    assert not Segment.everywhere.exists()
    assert not Membership.everywhere.exists()


def test_history_goes_on_where_it_stood_when_the_store_moves_west(segment: Segment, store: Store) -> None:
    people = make_customers(store, 2)
    store.time_zone = "Pacific/Auckland"
    store.save()
    at = datetime(2026, 11, 21, 12, tzinfo=UTC)
    for person, hours in zip(people, (0, 1), strict=True):
        segment.store = store
        chosen = Customer.objects.for_store(store).filter(pk=person.pk).annotate(customer_id=F("pk"))
        membership.enter(segment, chosen, Cause(Source.MANUAL, at=at + timedelta(hours=hours)))
        store.time_zone = "America/Los_Angeles"
        store.save()
    days = SegmentDay.everywhere.values_list("day", "size", "entered")
    assert [(day.isoformat(), size, entered) for day, size, entered in days] == [("2026-11-22", 2, 2)]
