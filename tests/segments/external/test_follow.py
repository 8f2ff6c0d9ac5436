"""A segment follows a list: who comes, who goes, who stays, and what is said of each profile."""

from __future__ import annotations

import pytest

from customers.models import Customer
from portal.models import Store, User
from segments import actions
from segments.external import links
from segments.models import ExternalMember, Membership, MembershipChange, Source, Sync
from segments.models.external import SyncOutcome
from tests.segments.conftest import make_customers, put_in
from tests.segments.external.conftest import Follower

pytestmark = pytest.mark.django_db


def address(number: int) -> str:
    return f"p{number:05}@x.example"


def test_the_first_import_brings_in_the_customers_on_the_list(follower: Follower, store: Store) -> None:
    make_customers(store, 5)
    put_in(follower.segment, make_customers(store, 1, "in"))
    sync = follower.follow([address(0), address(1), "in00000@x.example", "stranger@x.example", ("PHONE", None)])
    assert follower.members == {address(0), address(1), "in00000@x.example"}
    assert sync.outcome == SyncOutcome.APPLIED
    said = follower.counts("read", "entered", "already", "unmatched", "no-email", "invalid", "left", "bad")
    assert said == {
        "read": 5, "entered": 2, "already": 1, "unmatched": 1, "no-email": 1, "invalid": 0, "left": 0, "bad": 0,
    }  # fmt: skip
    changes = MembershipChange.objects.for_store(store).filter(source=Source.EXTERNAL)
    assert changes.count() == 2
    assert set(changes.values_list("job__kind", flat=True)) == {"segments.apply_sync"}


def test_who_leaves_the_list_leaves_the_segment_unless_something_else_holds_them(
    follower: Follower, store: Store, owner: User
) -> None:
    people = make_customers(store, 4)
    follower.follow([address(0), address(1), address(2)])
    actions.add_customer(follower.segment, people[1], actor=owner)
    follower.has(address(2), address(3))
    follower.again()
    assert follower.members == {address(1), address(2), address(3)}
    assert follower.counts("entered", "left", "held_by_others", "already") == {
        "entered": 1, "left": 1, "held_by_others": 1, "already": 1,
    }  # fmt: skip
    held = dict(Membership.objects.for_store(store).values_list("customer__email_key", "sources"))
    assert held[address(1)] == Source.MANUAL
    assert held[address(2)] == Source.EXTERNAL


def test_a_sync_without_a_difference_writes_nothing(follower: Follower, store: Store) -> None:
    make_customers(store, 3)
    follower.follow([address(0), address(1)])
    before = list(Membership.objects.for_store(store).order_by("pk").values())
    follower.segment.refresh_from_db()
    version = follower.segment.version
    follower.again()
    follower.segment.refresh_from_db()
    assert list(Membership.objects.for_store(store).order_by("pk").values()) == before
    assert follower.segment.version == version
    assert follower.counts("already", "entered", "left") == {"already": 2, "entered": 0, "left": 0}


def test_who_was_removed_by_hand_stays_out(follower: Follower, store: Store, owner: User) -> None:
    people = make_customers(store, 2)
    follower.follow([address(0), address(1)])
    actions.remove_customers(follower.segment, [people[0].pk], actor=owner)
    follower.again()
    assert follower.members == {address(1)}
    assert follower.counts("kept_out", "already") == {"kept_out": 1, "already": 1}


def test_two_profiles_of_one_address_are_one_customer(follower: Follower, store: Store) -> None:
    make_customers(store, 1)
    follower.follow([("A", "P00000@x.example"), ("B", " p00000@X.example "), ("C", "p00000@x.example")])
    assert follower.members == {address(0)}
    assert follower.counts("read", "entered", "repeated") == {"read": 3, "entered": 1, "repeated": 2}
    follower.has(("C", "p00000@x.example"))
    follower.again()
    assert follower.members == {address(0)}


def test_only_the_last_reading_is_kept(follower: Follower, store: Store) -> None:
    make_customers(store, 2)
    first = follower.follow([address(0), address(1)])
    second = follower.again()
    assert first.pk != second.pk
    assert set(ExternalMember.objects.for_store(store).values_list("sync", flat=True)) == {second.pk}
    assert Sync.objects.for_store(store).count() == 2


@pytest.mark.parametrize("keep", [True, False])
def test_unlinking_keeps_the_members_or_lets_them_go(follower: Follower, store: Store, owner: User, keep: bool) -> None:
    people = make_customers(store, 3)
    follower.follow([address(0), address(1)])
    actions.add_customer(follower.segment, people[1], actor=owner)
    links.unlink(follower.segment, keep_members=keep, actor=owner)
    follower.work()
    assert follower.members == ({address(0), address(1)} if keep else {address(1)})
    assert not ExternalMember.objects.for_store(store).exists()
    assert links.link_of(follower.segment) is None
    assert set(Membership.objects.for_store(store).values_list("sources", flat=True)) == {Source.MANUAL}
    assert Sync.objects.for_store(store).filter(segment=follower.segment, link=None).count() == 1


def test_deleting_the_segment_takes_its_list_along(follower: Follower, store: Store, owner: User) -> None:
    make_customers(store, 2)
    follower.follow([address(0), address(1)])
    actions.delete_segment(follower.segment, typed=follower.segment.name, cancel_running=True, actor=owner)
    follower.work()
    assert not ExternalMember.objects.for_store(store).exists()
    assert not Sync.objects.for_store(store).exists()


def test_a_profile_with_another_address_moves_and_no_customer_is_changed(follower: Follower, store: Store) -> None:
    people = make_customers(store, 2)
    follower.follow([("A", address(0)), ("B", "stranger@x.example")])
    follower.has(("A", address(1)), ("B", "stranger@x.example"))
    before = list(Customer.objects.for_store(store).order_by("pk").values())
    follower.set(daily=True, brake_percent=100, brake_people=100)
    follower.again()
    assert follower.members == {people[1].email}
    assert list(Customer.objects.for_store(store).order_by("pk").values()) == before
