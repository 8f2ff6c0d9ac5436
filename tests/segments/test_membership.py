"""The door: memberships, changes, day and count are written together, under the segment's lock."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from customers.models import Customer
from portal import sets
from portal.models import Store, User
from portal.models.audit import RowsAreKept
from segments import membership
from segments.membership import Cause, Entered, SegmentGone
from segments.models import (
    Exclusion,
    Membership,
    MembershipChange,
    Segment,
    SegmentDay,
    Source,
    Upload,
    UploadRow,
)
from tests.conftest import is_postgresql
from tests.portal.counting import at_once
from tests.segments.conftest import make_customers

pytestmark = pytest.mark.django_db
BY_HAND = Cause(Source.MANUAL)


@pytest.fixture
def people(store: Store) -> list[Customer]:
    return make_customers(store, 6)


def chosen(people: list[Customer]) -> QuerySet[Any]:
    found = Customer.everywhere.filter(pk__in=[person.pk for person in people])
    return found.annotate(customer_id=F("pk"))


def of(segment: Segment, people: list[Customer]) -> QuerySet[Any]:
    return Membership.everywhere.filter(segment=segment, customer__in=people)


def test_entering_writes_everything_together(
    segment: Segment, store: Store, people: list[Customer], owner: User
) -> None:
    at = datetime(2026, 3, 1, 3, 30, tzinfo=UTC)
    outcome = membership.enter(segment, chosen(people[:3]), Cause(Source.MANUAL, actor=owner, at=at))
    assert outcome == Entered(entered=3, already=0, kept_out=0)
    assert (segment.member_count, segment.version, segment.sources, segment.updated_at) == (3, 1, Source.MANUAL, at)
    assert set(Membership.everywhere.values_list("added_at", "added_by", "sources")) == {(at, owner.pk, Source.MANUAL)}
    changes = MembershipChange.everywhere.values_list("kind", "source", "actor", "at")
    assert list(changes) == [(MembershipChange.Kind.ENTERED, Source.MANUAL, owner.pk, at)] * 3
    day = SegmentDay.everywhere.get()
    assert str(day.day) == "2026-02-28", "half past three in UTC is the evening before in New York"
    assert (day.size, day.entered, day.left) == (3, 3, 0)


def test_who_is_in_stays_and_is_held_by_more(segment: Segment, people: list[Customer]) -> None:
    membership.enter(segment, chosen(people[:2]), BY_HAND)
    before = segment.version
    outcome = membership.enter(segment, chosen(people[:3]), Cause(Source.EXPERIENCE))
    assert outcome == Entered(entered=1, already=2, kept_out=0)
    assert sorted(Membership.everywhere.values_list("sources", flat=True)) == [8, 9, 9]
    assert (segment.sources, segment.version) == (Source.MANUAL | Source.EXPERIENCE, before + 1)


def test_entering_again_changes_nothing(segment: Segment, people: list[Customer]) -> None:
    membership.enter(segment, chosen(people), BY_HAND)
    before = list(Membership.everywhere.values()), segment.version, segment.updated_at
    assert membership.enter(segment, chosen(people), BY_HAND) == Entered(0, 6, 0)
    segment.refresh_from_db()
    assert before == (list(Membership.everywhere.values()), segment.version, segment.updated_at)


def test_nobody_comes_or_goes(segment: Segment, people: list[Customer]) -> None:
    assert membership.enter(segment, chosen([]), BY_HAND) == Entered(0, 0, 0)
    assert membership.leave(segment, of(segment, people), BY_HAND) == 0
    assert not SegmentDay.everywhere.exists()


def test_leaving(segment: Segment, people: list[Customer], owner: User) -> None:
    membership.enter(segment, chosen(people), BY_HAND)
    assert membership.leave(segment, of(segment, people[:2]), Cause(Source.RULE, actor=owner)) == 2
    assert (segment.member_count, segment.version) == (4, 2)
    assert not Exclusion.everywhere.exists()
    day = SegmentDay.everywhere.get()
    assert (day.size, day.entered, day.left) == (4, 6, 2)


def test_leaving_in_portions(segment: Segment, people: list[Customer]) -> None:
    membership.enter(segment, chosen(people), BY_HAND)
    gone = [membership.leave(segment, of(segment, people), BY_HAND, most=4) for _ in range(3)]
    assert gone == [4, 2, 0]


def test_who_was_removed_by_hand_stays_out_until_readmitted(segment: Segment, people: list[Customer]) -> None:
    membership.enter(segment, chosen(people), BY_HAND)
    membership.leave(segment, of(segment, people[:2]), BY_HAND, keep_out=True)
    assert membership.enter(segment, chosen(people), Cause(Source.RULE)) == Entered(0, 4, 2)
    assert membership.enter(segment, chosen(people[:1]), BY_HAND, readmit=True) == Entered(1, 0, 0)
    assert Exclusion.everywhere.get().customer == people[1]


def test_supplements_fill_in(segment: Segment, store: Store, people: list[Customer]) -> None:
    for name, phone in (("Ada", "1"), ("", "2"), ("Countess", "")):
        upload = Upload.objects.create_for(store, segment=segment, filename="x", size=1, sha256="")
        said = {"email_key": people[0].email_key, "customer_id": people[0].pk, "name": name, "phone": phone}
        UploadRow.objects.create_for(store, upload=upload, line=2, **said)
        rows = UploadRow.everywhere.filter(upload=upload)
        membership.enter(segment, rows, Cause(Source.UPLOAD, upload=upload), supplement=True)
    assert list(Membership.everywhere.values_list("name", "phone")) == [("Countess", "2")]


@pytest.mark.parametrize("act", ["enter", "leave", "lock"])
def test_a_deleted_segment_is_gone(segment: Segment, people: list[Customer], act: str, breaks: None) -> None:
    membership.enter(segment, chosen(people), BY_HAND)
    Segment.everywhere.filter(pk=segment.pk).update(deleted_at=timezone.now())
    acts: dict[str, Any] = {
        "enter": lambda: membership.enter(segment, chosen(people), BY_HAND),
        "leave": lambda: membership.leave(segment, of(segment, people), BY_HAND),
        "lock": lambda: membership.lock(segment),
    }
    with pytest.raises(SegmentGone), transaction.atomic():
        acts[act]()
    assert Membership.everywhere.count() == 6


def test_all_or_nothing(segment: Segment, people: list[Customer], monkeypatch: pytest.MonkeyPatch) -> None:
    real = sets.insert_from

    def failing(model: Any, *args: Any, **options: Any) -> int:
        if model is MembershipChange:
            raise RuntimeError("no room")
        return real(model, *args)

    monkeypatch.setattr("portal.sets.insert_from", failing)
    with pytest.raises(RuntimeError):
        membership.enter(segment, chosen(people), BY_HAND)
    assert not Membership.everywhere.exists()


def test_changes_are_never_changed(segment: Segment, people: list[Customer]) -> None:
    membership.enter(segment, chosen(people), BY_HAND)
    for attempt in (MembershipChange.everywhere.all().delete, lambda: MembershipChange.everywhere.update(kind=2)):
        with pytest.raises(RowsAreKept):
            attempt()


def test_the_statements_do_not_grow_with_the_people(
    segment: Segment, store: Store, django_assert_max_num_queries: Any
) -> None:
    many = make_customers(store, 3_000)
    with django_assert_max_num_queries(17):
        membership.enter(segment, Customer.everywhere.annotate(customer_id=F("pk")), BY_HAND)
    with django_assert_max_num_queries(16):
        membership.leave(segment, Membership.everywhere.all(), BY_HAND, keep_out=True)
    assert Exclusion.everywhere.count() == len(many)


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(not is_postgresql(), reason="SQLite has one writer")
def test_many_through_the_door_at_once(segment: Segment, people: list[Customer]) -> None:
    acts = [
        *[lambda: membership.enter(segment, chosen(people), Cause(Source.RULE))] * 4,
        *[lambda: membership.leave(segment, of(segment, people[:3]), BY_HAND)] * 4,
    ]
    outcomes = at_once(*acts)
    assert not [outcome for outcome in outcomes if isinstance(outcome, Exception)]
    segment.refresh_from_db()
    assert segment.member_count == Membership.everywhere.count()
