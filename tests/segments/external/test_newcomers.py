"""Customers who come after a list was read join its segment without waiting for the next reading."""

from __future__ import annotations

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from customers import actions as customers
from customers.imports.actions import receive_import, start_import
from customers.models import Customer
from portal import sets
from portal.models import Store, User
from segments import actions
from segments.external import links
from segments.external.newcomers import join_newcomers
from segments.models import Membership, MembershipChange, Source
from tests.segments.conftest import make_customers
from tests.segments.external.conftest import Follower
from tests.segments.external.test_follow import address

pytestmark = pytest.mark.django_db


@pytest.fixture
def followed(follower: Follower, store: Store) -> Follower:
    """A segment that follows a list of which two are customers, and three are not yet."""
    make_customers(store, 2)
    follower.follow([address(0), address(1), "one@new.example", "Two@New.example", "three@new.example"])
    return follower


def test_a_customer_who_is_added_joins(followed: Follower, store: Store, owner: User) -> None:
    ann = customers.add_customer(store, actor=owner, email="ONE@new.example")
    customers.add_customer(store, actor=owner, email="else@new.example")
    assert join_newcomers() == 1
    assert followed.members == {address(0), address(1), "one@new.example"}
    change = MembershipChange.objects.for_store(store).get(customer=ann)
    assert change.source == Source.EXTERNAL
    assert join_newcomers() == 0


def test_customers_of_a_file_join(followed: Follower, store: Store, owner: User) -> None:
    lines = "email\none@new.example\ntwo@new.example\nfour@new.example\n"
    upload = receive_import(store, SimpleUploadedFile("c.csv", lines.encode()), actor=owner)
    followed.work()
    start_import(upload, change_consent=False, actor=owner)
    followed.work()
    assert join_newcomers() == 2
    assert followed.members == {address(0), address(1), "one@new.example", "two@new.example"}


def test_a_customer_whose_address_becomes_one_of_the_list_joins(followed: Follower, store: Store, owner: User) -> None:
    ann = customers.add_customer(store, actor=owner, email="old@new.example")
    assert join_newcomers() == 0
    customers.change_customer(ann, actor=owner, seen_at=ann.changed_at, email="three@new.example")
    assert join_newcomers() == 1


def test_who_was_removed_by_hand_does_not_come_back(followed: Follower, store: Store, owner: User) -> None:
    member = Customer.objects.for_store(store).get(email_key=address(0))
    actions.remove_customers(followed.segment, [member.pk], actor=owner)
    customers.change_customer(member, actor=owner, seen_at=member.changed_at, first_name="Ann")
    assert join_newcomers() == 0
    assert followed.members == {address(1)}


def test_nobody_joins_by_a_list_that_is_not_followed_any_more(followed: Follower, store: Store, owner: User) -> None:
    links.unlink(followed.segment, keep_members=True, actor=owner)
    followed.work()
    customers.add_customer(store, actor=owner, email="one@new.example")
    assert join_newcomers() == 0


def test_nobody_joins_by_a_list_that_is_just_being_applied(followed: Follower, store: Store, owner: User) -> None:
    followed.has(address(0), address(1), "four@new.example")
    followed.again(work=False)
    customers.add_customer(store, actor=owner, email="four@new.example")
    assert join_newcomers() == 0
    followed.work()
    assert "four@new.example" in followed.members


def test_many_join_portion_by_portion(
    follower: Follower, store: Store, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    follower.follow([f"n{number}@new.example" for number in range(30)])
    for number in range(25):
        customers.add_customer(store, actor=owner, email=f"n{number}@new.example")
    monkeypatch.setattr(sets, "chunk_size", lambda _: 4)
    assert join_newcomers() == 25
    assert len(follower.members) == 25


def test_a_member_by_hand_is_held_by_the_list_too(followed: Follower, store: Store, owner: User) -> None:
    ann = customers.add_customer(store, actor=owner, email="one@new.example")
    actions.add_customer(followed.segment, ann, actor=owner)
    assert join_newcomers() == 0
    held = Membership.objects.for_store(store).get(customer=ann)
    assert held.sources == Source.EXTERNAL | Source.MANUAL
