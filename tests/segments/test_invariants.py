"""Each invariant finds what it is there to find, and the command tells of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from portal.models import Store, User
from segments import actions
from segments.invariants import all_invariants, broken
from segments.models import Exclusion, Membership, MembershipChange, Segment, SegmentDay, Upload, UploadRow
from tests.conftest import make_customer
from tests.segments.conftest import Desk, make_customers

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("breaks")]
NOWHERE = 999_999_999


@pytest.fixture
def full(desk: Desk, store: Store, owner: User) -> Segment:
    people = make_customers(store, 4)
    desk.bring([(person.email, "", "") for person in people])
    actions.remove_customers(desk.segment, [people[0].pk], actor=owner)
    desk.segment.refresh_from_db()
    return desk.segment


@pytest.fixture
def theirs(other_store: Store) -> Any:
    return make_customer(other_store, "theirs@willow.example")


def first(model: Any) -> Any:
    return model.everywhere.filter(pk=model.everywhere.order_by("pk").values_list("pk", flat=True)[0])


def rewrite_history(segment: Segment) -> None:
    row = MembershipChange.everywhere.filter(kind=MembershipChange.Kind.ENTERED).latest("pk")
    row.pk, row.kind = None, MembershipChange.Kind.LEFT
    row.save()


def keep_out_a_member(segment: Segment) -> None:
    member = Membership.everywhere.latest("pk")
    Exclusion.objects.create_for(
        segment.store, segment=segment, customer=member.customer, excluded_at=timezone.now(), excluded_by=None
    )


DAMAGES: dict[str, Callable[[Segment], Any]] = {
    "counts_differ_from_members": lambda s: first(Segment).update(member_count=7),
    "counts_differ_from_days": lambda s: first(SegmentDay).update(entered=9),
    "counts_differ_from_last_day": lambda s: first(SegmentDay).update(size=9),
    "days_differ_from_changes": lambda s: first(SegmentDay).update(entered=5, left=2),
    "members_who_never_came": rewrite_history,
    "others_who_never_left": lambda s: Membership.everywhere.latest("pk").delete(),
    "members_who_are_kept_out": keep_out_a_member,
    "members_held_by_nothing": lambda s: first(Membership).update(sources=0),
    "members_of_a_wrong_upload": lambda s: first(Membership).update(sources=1),
    "memberships_with_segment_astray": lambda s: first(Membership).update(segment_id=NOWHERE),
    "memberships_with_customer_astray": lambda s: first(Membership).update(customer_id=NOWHERE),
    "memberships_with_upload_astray": lambda s: first(Membership).update(upload_id=NOWHERE),
    "exclusions_with_segment_astray": lambda s: first(Exclusion).update(segment_id=NOWHERE),
    "exclusions_with_customer_astray": lambda s: first(Exclusion).update(customer_id=NOWHERE),
    "membershipchanges_with_segment_astray": lambda s: stray_change(s, segment_id=NOWHERE),
    "membershipchanges_with_customer_astray": lambda s: stray_change(s, customer_id=NOWHERE),
    "segmentdays_with_segment_astray": lambda s: SegmentDay.objects.create_for(
        s.store, segment_id=NOWHERE, day=timezone.now().date()
    ),
    "uploads_with_segment_astray": lambda s: first(Upload).update(segment_id=NOWHERE),
    "uploadrows_with_upload_astray": lambda s: first(UploadRow).update(upload_id=NOWHERE),
    "uploadrows_with_customer_astray": lambda s: first(UploadRow).update(customer_id=NOWHERE),
}


def stray_change(segment: Segment, **where: int) -> None:
    row = MembershipChange.everywhere.latest("pk")
    row.pk = None
    for name, value in where.items():
        setattr(row, name, value)
    row.save()


def test_there_is_a_damage_for_each() -> None:
    assert sorted(DAMAGES) == sorted(all_invariants())


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damage_is_found(full: Segment, name: str) -> None:
    assert broken() == {}
    DAMAGES[name](full)
    assert name in broken()


def test_rows_that_point_into_another_store_are_found(full: Segment, theirs: Any) -> None:
    first(Membership).update(customer=theirs)
    assert "memberships_with_customer_astray" in broken()


def test_a_segment_that_is_being_deleted_breaks_nothing(full: Segment, owner: User) -> None:
    actions.delete_segment(full, typed=full.name, cancel_running=False, actor=owner)
    Membership.everywhere.latest("pk").delete()
    assert broken() == {}


def test_the_command(full: Segment) -> None:
    said = StringIO()
    call_command("check_invariants", stdout=said)
    assert said.getvalue().count(": none") == len(DAMAGES)
    first(UploadRow).update(customer_id=NOWHERE)
    with pytest.raises(CommandError, match="1 of what must be true is not"):
        call_command("check_invariants", stdout=said)
    assert "uploadrows with customer astray: 1 rows, such as " in said.getvalue()


def test_days_of_the_past_are_summed_up(full: Segment) -> None:
    SegmentDay.everywhere.update(day=timezone.now().date() - timedelta(days=400))
    assert broken() == {}
