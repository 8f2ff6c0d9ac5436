"""A person who was on lists elsewhere is told of them, erased from them, and not brought back by the next reading."""

from __future__ import annotations

import json

import pytest

from customers.models import Customer
from customers.privacy.erase import erase_address, erase_customer
from customers.privacy.person import Person
from customers.privacy.registry import places
from portal.models import Store, User
from segments.external import connections
from segments.models import ExternalGroup, ExternalMember, Sync
from segments.sandbox.klaviyo import KlaviyoSandbox
from tests.customers.searching import hits
from tests.segments.conftest import make_customers
from tests.segments.external.conftest import Follower

pytestmark = pytest.mark.django_db(transaction=True)
MAIL, PROFILE = "zk4mail@zk4dom.example", "01ZK4PROFILE"


@pytest.fixture
def listed(follower: Follower, store: Store, owner: User) -> Customer:
    """A customer whose profile, address and name are on lists."""
    (person, _) = make_customers(store, 2)
    Customer.objects.for_store(store).filter(pk=person.pk).update(email=MAIL, email_key=MAIL, klaviyo_id=PROFILE)
    follower.klaviyo.list("L2", f"Friends of {MAIL}")
    follower.follow([(PROFILE, MAIL.upper()), "p00001@x.example", ("01ZK4OTHER", MAIL)])
    problems = [{"id": PROFILE, "reason": "Its e-mail is no text."}, {"id": "X", "reason": "It has no attributes."}]
    Sync.objects.for_store(store).update(problems=problems)
    person.refresh_from_db()
    person.store = store
    return person


def test_what_is_held_is_told(listed: Customer) -> None:
    person = Person.of(listed)
    told = json.dumps([list(place.tell(person)) for place in places()], default=str)
    assert PROFILE in told
    assert "Newsletter" in told
    assert f"Friends of {MAIL}" in told


def test_nothing_is_left_and_nothing_comes_back(listed: Customer, follower: Follower, owner: User) -> None:
    erase_customer(listed, typed=MAIL, actor=owner)
    follower.work()
    assert hits(["zk4mail", "zk4dom", PROFILE]) == []
    assert follower.members == {"p00001@x.example"}
    assert Sync.objects.for_store(follower.store).latest("pk").problems == [
        {"id": "X", "reason": "It has no attributes."}
    ]
    follower.klaviyo.delete("L2")
    follower.again()
    assert follower.counts("read", "erased", "already") == {"read": 3, "erased": 2, "already": 1}
    left = ExternalMember.objects.for_store(follower.store).exclude(email_key="")
    assert set(left.values_list("email_key", flat=True)) == {"p00001@x.example"}
    assert "zk4" not in str(hits(["zk4mail", "zk4dom"]))


def test_somebody_who_is_no_customer_can_be_erased_from_lists(
    follower: Follower, store: Store, owner: User, klaviyo: KlaviyoSandbox
) -> None:
    follower.follow([MAIL, "p00001@x.example"])
    erase_address(store, MAIL, typed=MAIL, actor=owner)
    follower.work()
    assert hits(["zk4mail", "zk4dom"]) == []
    follower.again()
    assert follower.counts("erased", "unmatched") == {"erased": 1, "unmatched": 1}


def test_a_name_of_a_list_is_blanked_where_it_names_the_person(
    listed: Customer, follower: Follower, owner: User
) -> None:
    erase_customer(listed, typed=MAIL, actor=owner)
    follower.work()
    names = set(ExternalGroup.objects.for_store(follower.store).values_list("name", flat=True))
    assert len(names) == 2
    assert not any(MAIL in name for name in names)
    connections.refresh_index(follower.connection, actor=owner)
