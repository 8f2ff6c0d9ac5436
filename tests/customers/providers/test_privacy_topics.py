"""What Shopify asks for the sake of privacy: people are erased, owners are told, and nothing else passes for it."""

from __future__ import annotations

from typing import Any

import pytest
from django.core import mail

from customers.ingest.taking_in import take_in
from customers.models import Arrival, Customer, Erasure, Event, Order, OrderLine, PersonTold
from customers.privacy.identity import EMAIL, SHOPIFY, erased_among
from customers.sandbox.bodies import shopify_customer, shopify_order
from portal import jobs
from portal.models import AuditEntry, Job, Store
from tests.conftest import make_customer
from tests.customers.providers.conftest import SHOP, Shop, at
from tests.customers.selling import sell_something

pytestmark = pytest.mark.django_db
ADA = shopify_customer(1, "ada@maple.example", at(0))


def asks(email: str = "ada@maple.example", number: int = 1, **more: Any) -> dict[str, Any]:
    person = {"id": number, "email": email, "phone": "555-625-1199"}
    return {"shop_id": 954889, "shop_domain": SHOP, "customer": person, **more}


def work() -> None:
    for job in Job.everywhere.filter(state="queued").order_by("pk"):
        jobs.run(job.pk)


def test_who_is_redacted_is_erased_and_stays_away(store: Store, shopify: Shop) -> None:
    shopify.tell("customers/create", ADA)
    shopify.tell("orders/create", shopify_order(5, ADA, at(0)))
    ada = Customer.objects.for_store(store).get()
    sell_something(ada, "x")
    arrival = shopify.tell("customers/redact", asks(orders_to_redact=[5]))
    assert (arrival.state, arrival.body) == ("done", "")
    erasure = Erasure.objects.for_store(store).get()
    assert (erasure.customer_id, erasure.asked_by) == (ada.pk, None)
    entry = AuditEntry.objects.for_store(store).get(verb="asked to erase")
    assert (entry.actor, entry.changes) == (None, {"by request of": [None, "Shopify"]})
    work()
    ada.refresh_from_db()
    assert (ada.email, ada.shopify_id) == ("", "")
    for model in (Order, OrderLine, Event, PersonTold):
        assert not model.objects.for_store(store).exists(), model
    erasure.refresh_from_db()
    assert erasure.finished_at is not None
    # Whatever comes of the person afterwards is not taken in.
    for topic, said in (("customers/update", ADA), ("orders/updated", shopify_order(5, ADA, at(9)))):
        again = shopify.tell(topic, {**said, "updated_at": "2026-11-09T00:00:00Z"})
        assert (again.state, again.reason[:30]) == ("ignored", "This person was erased on requ"), topic
    guest = shopify.tell("orders/create", shopify_order(6, None, at(9), email="Ada@maple.example"))
    assert guest.state == "ignored"
    assert not Order.objects.for_store(store).exists()


def test_asked_twice_it_is_done_once(store: Store, shopify: Shop) -> None:
    shopify.tell("customers/create", ADA)
    shopify.tell("customers/redact", asks(orders_to_redact=[]))
    work()
    shopify.tell("customers/redact", asks(orders_to_redact=[7]))
    assert Erasure.objects.for_store(store).count() == 1


def test_somebody_who_is_no_customer_is_kept_away_too(store: Store, shopify: Shop) -> None:
    shopify.tell("customers/redact", asks("guest@maple.example", 77, orders_to_redact=[]))
    work()
    asked = {EMAIL: ["guest@maple.example"], SHOPIFY: ["77"]}
    assert erased_among(store, asked) == {(EMAIL, "guest@maple.example"), (SHOPIFY, "77")}


def test_the_id_counts_before_the_address(store: Store, shopify: Shop) -> None:
    other = make_customer(store, "other@maple.example")
    shopify.tell("customers/create", ADA)
    shopify.tell("customers/redact", asks("other@maple.example", 1, orders_to_redact=[]))
    other.refresh_from_db()
    assert (other.erased_at, other.email) == (None, "other@maple.example")
    assert Customer.objects.for_store(store).filter(erased_at__isnull=False).count() == 1
    assert not erased_among(store, {EMAIL: ["other@maple.example"]})


def test_a_request_for_data_is_told_to_the_owners(
    store: Store, owner: Any, shopify: Shop, mailoutbox: list[mail.EmailMessage]
) -> None:
    shopify.tell("customers/create", ADA)
    ada = Customer.objects.for_store(store).get()
    shopify.tell("customers/data_request", asks(orders_requested=[], data_request={"id": 9}))
    work()
    (letter,) = mailoutbox
    assert letter.to == [owner.email]
    assert f"/s/{store.slug}/customers/privacy/" in letter.body
    assert f"Customer {ada.pk}" in letter.body
    assert "ada@" not in f"{letter.body}{letter.subject}"
    entry = AuditEntry.objects.for_store(store).get(verb="was asked for the data of")
    assert (entry.object_label, entry.changes) == (f"Customer {ada.pk}", {"by": "Shopify"})


def test_a_shop_is_not_erased_by_a_webhook(
    store: Store, owner: Any, shopify: Shop, mailoutbox: list[mail.EmailMessage]
) -> None:
    shopify.tell("customers/create", ADA)
    shopify.tell("shop/redact", {"shop_id": 954889, "shop_domain": SHOP})
    work()
    assert Customer.objects.for_store(store).get().email
    assert store.slug in mailoutbox[0].body
    assert AuditEntry.objects.for_store(store).filter(verb="was asked to erase the shop").exists()


@pytest.mark.parametrize("topic", ["customers/redact", "customers/data_request", "shop/redact"])
@pytest.mark.parametrize(
    "said",
    [
        ADA,
        shopify_order(5, ADA, at(0)),
        {"customer": {"id": 1, "email": "ada@maple.example"}},
        {"shop_domain": SHOP, "customer": {"id": 1}, "line_items": []},
        {},
    ],
)
def test_nothing_else_that_shopify_signs_erases_anybody(
    store: Store, shopify: Shop, topic: str, said: dict[str, Any]
) -> None:
    """A body is signed, its topic is not: somebody who saw an order could send it to another address of ours."""
    shopify.tell("customers/create", ADA)
    assert shopify.tell(topic, said).state == "ignored"
    assert not Erasure.objects.for_store(store).exists()
    assert not AuditEntry.objects.for_store(store).filter(verb__startswith="was asked").exists()


def test_another_shops_request_is_refused(store: Store, shopify: Shop) -> None:
    said = asks(orders_to_redact=[]) | {"shop_domain": "oak.myshopify.com"}
    assert shopify.send("customers/redact", said).status_code == 401
    assert not Arrival.objects.for_store(store).exists()
    assert take_in(store) == 0
