"""Who is meant: names that join, customers who come later, people who were erased."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from customers.ingest import joining
from customers.models import Customer, Event, Visitor
from customers.privacy.erase import erase_address, erase_customer
from customers.register import lock_customers
from portal import sets
from portal.invariants import broken
from portal.models import Job, Store, User
from tests.conftest import make_customer
from tests.customers.ingest.conftest import Source, identify, make_source, track

pytestmark = pytest.mark.django_db(transaction=True)
TakeIn = Callable[[], int]


def whose(source: Source) -> dict[str, str | None]:
    """Event → the customer's address."""
    known = dict(Customer.objects.for_store(source.way_in.store).values_list("pk", "email_key"))
    return {event.name: known.get(event.customer_id or 0) for event in source.events() if event.name[0] != "$"}


def test_a_customer_who_comes_later_gets_what_waited(segment: Source, take_in: TakeIn, store: Store) -> None:
    make_customer(store, "first@maple.example")
    segment.track(
        track("One", user=None, anonymousId="a"),
        identify("u", "late@maple.example", anonymousId="a"),
        track("Two", user="u"),
        identify("s", shopify_id=7, traits={"shopify_id": 77}),
        track("Three", user="s"),
    )
    take_in()
    joining.join_later()
    assert whose(segment) == {"One": None, "Two": None, "Three": None}
    make_customer(store, "late@maple.example", changed_in=lock_customers(store))
    make_customer(store, "shop@maple.example", shopify_id="77", changed_in=lock_customers(store))
    assert joining.join_later() == 2
    assert joining.join_later() == 0
    late, shop = "late@maple.example", "shop@maple.example"
    assert whose(segment) == {"One": late, "Two": late, "Three": shop}
    segment.track(track("Four", user=None, anonymousId="a"))
    take_in()
    assert whose(segment)["Four"] == late
    assert broken() == {}


def test_a_customer_whose_address_changes_gets_what_waited_for_it(
    segment: Source, take_in: TakeIn, store: Store
) -> None:
    anna = make_customer(store, "old@maple.example")
    segment.track(identify("u", "new@maple.example"), track("One", user="u"))
    take_in()
    joining.join_later()
    anna.email, anna.changed_in = "new@maple.example", lock_customers(store)
    anna.save()
    joining.join_later()
    assert whose(segment) == {"One": "new@maple.example"}


def test_a_device_that_is_shared(segment: Source, take_in: TakeIn, store: Store) -> None:
    make_customer(store, "a@maple.example")
    make_customer(store, "b@maple.example")
    segment.track(
        track("Before", user=None, anonymousId="x"),
        identify("a", "a@maple.example", anonymousId="x"),
        track("Of a", user=None, anonymousId="x"),
        identify("b", "b@maple.example", anonymousId="x"),
        track("Of b", user=None, anonymousId="x"),
    )
    take_in()
    assert whose(segment) == {"Before": "a@maple.example", "Of a": "a@maple.example", "Of b": "b@maple.example"}


def test_aliases_and_circles(segment: Source, take_in: TakeIn, store: Store) -> None:
    make_customer(store, "a@maple.example")
    segment.track(
        track("One", user="old"),
        {"type": "alias", "previousId": "old", "userId": "new"},
        {"type": "alias", "previousId": "new", "userId": "old"},
        {"type": "alias", "previousId": "new", "userId": "new"},
        track("Two", user="new"),
        identify("new", "a@maple.example"),
    )
    take_in()
    assert whose(segment) == {"One": "a@maple.example", "Two": "a@maple.example"}


def test_portions_change_nothing(store: Store, owner: User, take_in: TakeIn) -> None:
    """Whatever the order of names, the same comes of events taken in one by one as of all at once."""
    rng = random.Random(7)
    for number in range(3):
        make_customer(store, f"c{number}@maple.example")
    for round_ in range(15):
        said: list[dict[str, Any]] = []
        for number in range(14):
            user, anonymous = f"u{rng.randrange(3)}-{round_}", f"a{rng.randrange(2)}-{round_}"
            kind = rng.randrange(4)
            if kind == 0:
                said.append(identify(user, f"c{rng.randrange(3)}@maple.example", anonymousId=anonymous))
            elif kind == 1:
                said.append(track(f"E{number}", user=user))
            else:
                said.append(track(f"E{number}", user=None, anonymousId=anonymous))
        outcomes = []
        for alone in (True, False):
            sets.delete_matching(Event.everywhere.all())
            sets.delete_matching(Visitor.everywhere.all())
            source = make_source(store, owner, label=f"{round_} {alone}")
            for batch in [[one] for one in said] if alone else [said]:
                source.track(*batch)
                if alone:
                    take_in()
            take_in()
            outcomes.append(whose(source))
            assert broken() == {}
            source.way_in.revoked_at = source.way_in.created_at
            source.way_in.save()
        assert outcomes[0] == outcomes[1], said


def test_who_was_erased_stays_out(
    segment: Source, take_in: TakeIn, store: Store, owner: User, run_jobs: Callable[[], list[Job]]
) -> None:
    gone = make_customer(store, "gone@maple.example")
    segment.track(identify("u", "gone@maple.example", anonymousId="a"), track("One", user="u"), track("Bob", user="b"))
    take_in()
    names_them = track("Bob 2", user="b", properties={"to": "gone@maple.example"})
    segment.track(track("Two", user="u"), names_them, track("Bob 3", user="b"))
    erase_customer(gone, typed="gone@maple.example", actor=owner)
    run_jobs()
    take_in()
    assert [event.name for event in segment.events()] == ["Bob", "Bob 3"]
    assert "gone" not in str([event.properties for event in segment.events()])
    segment.track(
        track("Three", user="u"), track("Four", user=None, anonymousId="a"), identify("new", "GONE@maple.example"),
        {"type": "alias", "previousId": "u", "userId": "n"},
        track("Five", user="b", properties={"m": "gone@maple.example"}),
        track("Six", user="b"),
    )  # fmt: skip
    take_in()
    assert [event.name for event in segment.events()] == ["Bob", "Bob 3", "Six"]
    counts = segment.counts()
    assert counts["ignored"] == 7
    assert counts["received"] == counts["stored"] + counts["ignored"]
    assert broken() == {}


def test_who_is_no_customer_is_erased_under_every_name(
    segment: Source, take_in: TakeIn, store: Store, owner: User, run_jobs: Callable[[], list[Job]]
) -> None:
    segment.track(identify("u", "gone@maple.example", anonymousId="a"), track("One", user=None, anonymousId="a"))
    take_in()
    assert len(segment.events()) == 2
    erase_address(store, "gone@maple.example", typed="gone@maple.example", actor=owner)
    run_jobs()
    assert segment.events() == []
    assert not Visitor.everywhere.exists()
    segment.track(track("Two", user="u"))
    take_in()
    assert segment.events() == []
