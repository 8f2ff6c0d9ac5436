"""What webhooks come to: customers, orders, subscriptions and events, by their newest word, and each once."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from customers.ingest.taking_in import take_in
from customers.models import (
    Arrival,
    ArrivalDay,
    Customer,
    Event,
    FormerAddress,
    Order,
    OrderLine,
    PersonTold,
    Product,
    Subscription,
    TouchedCustomer,
)
from customers.providers.taking_in import FromShopify
from customers.sandbox.bodies import (
    recharge_charge,
    recharge_customer,
    recharge_order,
    recharge_subscription,
    shopify_customer,
    shopify_line,
    shopify_order,
    shopify_refund,
)
from portal.models import Store
from tests.conftest import make_customer
from tests.customers.providers.conftest import Shop, at

pytestmark = pytest.mark.django_db
ADA = shopify_customer(1, "Ada@Maple.example", at(0), tags="vip, tea")


def one(store: Store) -> Customer:
    found: Customer = Customer.objects.for_store(store).get()
    return found


def settled(arrival: Arrival) -> tuple[str, str]:
    return arrival.state, arrival.reason


# --- Shopify


def test_a_customer_comes_in_and_changes(store: Store, shopify: Shop) -> None:
    assert settled(shopify.tell("customers/create", ADA)) == ("done", "")
    ada = one(store)
    assert (ada.email, ada.email_key, ada.shopify_id) == ("Ada@Maple.example", "ada@maple.example", "1")
    assert (ada.name, ada.marketing_consent, ada.tags) == ("Ada Maple", "subscribed", ["vip", "tea"])
    assert (ada.signed_up_at, ada.changed_in > 0) == (at(0), True)
    said = shopify_customer(
        1, "ada@new.example", at(5), last_name="Oak", email_marketing_consent={"state": "unsubscribed"}
    )
    shopify.tell("customers/update", said)
    ada = one(store)
    assert (ada.email_key, ada.last_name, ada.marketing_consent) == ("ada@new.example", "Oak", "unsubscribed")
    assert FormerAddress.objects.for_store(store).get().email_key == "ada@maple.example"


def test_a_customer_who_is_here_is_recognised_by_the_address(store: Store, shopify: Shop) -> None:
    here = make_customer(store, "ada@maple.example", first_name="", phone="+31 6 1234")
    shopify.tell("customers/create", ADA)
    ada = one(store)
    assert (ada.pk, ada.first_name, ada.phone, ada.shopify_id) == (here.pk, "Ada", "+31 6 1234", "1")


def test_an_older_word_changes_nothing_and_is_told(store: Store, shopify: Shop) -> None:
    shopify.tell("customers/update", shopify_customer(1, "ada@maple.example", at(9), last_name="New"))
    arrival = shopify.tell("customers/create", shopify_customer(1, "ada@maple.example", at(3), last_name="Old"))
    assert one(store).last_name == "New"
    assert settled(arrival) == ("done", "")
    day = ArrivalDay.objects.for_store(store).get()
    assert (day.received, day.stored, day.ignored) == (2, 1, 1)


def test_an_order_comes_in_with_its_customer(store: Store, shopify: Shop) -> None:
    lines = [
        shopify_line(7, "Coffee", "24.00", discount_allocations=[{"amount": "2.40"}, {"amount": "0.10"}]),
        shopify_line(8, "Tea", "9.50", quantity=2, selling_plan_allocation={"selling_plan": {"id": 3}}),
        shopify_line(None, "Tip", "1.00"),
    ]
    more: dict[str, Any] = {
        "line_items": lines, "total_line_items_price": "44.00", "total_discounts": "2.50", "total_price": "46.49",
        "discount_codes": [{"code": "SPRING", "amount": "2.50"}], "tags": "gift",
    }  # fmt: skip
    assert settled(shopify.tell("orders/create", shopify_order(1001, ADA, at(1), **more))) == ("done", "")
    order = Order.objects.for_store(store).get()
    assert (order.customer_id, order.number, order.kind, order.status) == (one(store).pk, "#1001", "one_off", "paid")
    assert (order.subtotal, order.discount, order.total) == (Decimal(44), Decimal("2.5"), Decimal("46.49"))
    assert (order.channel, order.discount_codes, order.currency) == ("paid search", "SPRING", "EUR")
    rows = (
        OrderLine.objects.for_store(store)
        .order_by("position")
        .values_list("title", "quantity", "price", "discount", "is_subscription", "product__external_id")
    )
    assert list(rows) == [
        ("Coffee", 1, Decimal(24), Decimal("2.5"), False, "7"),
        ("Tea", 2, Decimal("9.5"), Decimal(0), True, "8"),
        ("Tip", 1, Decimal(1), Decimal(0), False, None),
    ]
    assert TouchedCustomer.objects.for_store(store).filter(customer=order.customer_id).exists()


def test_a_number_too_small_to_be_one_is_nought(store: Store, shopify: Shop) -> None:
    body = shopify.body("orders/create", shopify_order(1001, ADA, at(1), total_discounts="tiny"))
    body = body.replace(b'"tiny"', b"1e-99999999999999999999")
    assert shopify.post("orders/create", body, shopify.headers("orders/create", body)).status_code == 200
    take_in(store)
    assert Order.objects.for_store(store).get().discount == 0


def test_a_refund_and_a_cancellation(store: Store, shopify: Shop) -> None:
    shopify.tell("orders/create", shopify_order(1, ADA, at(0)))
    refunds = [shopify_refund("4.00"), shopify_refund("2.50")]
    back = shopify_order(1, ADA, at(1), financial_status="partially_refunded", refunds=refunds)
    shopify.tell("orders/updated", back)
    order = Order.objects.for_store(store).get()
    assert (order.status, order.refunded) == ("partially_refunded", Decimal("6.5"))
    shopify.tell("orders/cancelled", shopify_order(1, ADA, at(2), cancelled_at="2026-11-01T12:02:00Z"))
    assert Order.objects.for_store(store).get().status == "cancelled"


def test_a_guest_is_a_customer_by_the_address(store: Store, shopify: Shop) -> None:
    guest = shopify_order(5, None, at(0), email="guest@maple.example", billing_address={"first_name": "Gus"})
    shopify.tell("orders/create", guest)
    assert (one(store).email, one(store).first_name, one(store).shopify_id) == ("guest@maple.example", "Gus", "")
    assert not PersonTold.objects.for_store(store).exists()


@pytest.mark.parametrize(
    ("topic", "said", "reason"),
    [
        ("orders/create", shopify_order(5, None, at(0)), "Nobody here is known by its id"),
        ("orders/create", shopify_order(5, ADA, at(0), test=True), "It is a test order."),
        ("orders/create", ADA, "It does not look like an order"),
        ("orders/create", shopify_order(5, ADA, at(0), total="lots"), "It is not an amount."),
        ("orders/create", shopify_order(5, ADA, at(0), total="-1"), "It is less than nothing."),
        ("orders/create", shopify_order(5, ADA, at(0), updated_at="soon"), "It is not a time."),
        ("orders/create", shopify_order(5, ADA, at(0), currency="Euro"), "It must be a code of three letters."),
        ("customers/create", shopify_order(5, ADA, at(0)), "It does not look like a customer"),
        ("customers/create", shopify_customer(1, None, at(0)), "Nobody here is known by its id"),
        ("customers/create", shopify_customer(1, "no address", at(0)), "cannot be used"),
        ("customers/create", {"id": 1, "email": "a@x.example"}, "does not say when it was changed"),
        ("customers/redact", shopify_order(5, ADA, at(0)), "It is not what Shopify sends"),
        ("customers/redact", ADA, "It is not what Shopify sends"),
        ("customers/delete", ADA, "It does not look like a customer"),
        ("fulfillments/create", {"id": 1}, "This topic is not used here."),
        ("orders/create", {}, "It does not look like an order"),
    ],
)
def test_what_is_of_no_use_is_seen_and_can_be_replayed(
    store: Store, shopify: Shop, topic: str, said: dict[str, Any], reason: str
) -> None:
    arrival = shopify.tell(topic, said)
    assert arrival.state == "ignored"
    assert reason in arrival.reason
    assert arrival.body
    assert not Order.objects.for_store(store).exists()


def test_one_that_is_of_no_use_holds_up_none_of_the_others(store: Store, shopify: Shop) -> None:
    for number in range(6):
        said: Any = shopify_order(number, ADA, at(0)) if number % 2 else {"id": number, "line_items": "?"}
        assert shopify.send("orders/create", said).status_code == 200
    assert take_in(store) == 6
    assert Order.objects.for_store(store).count() == 3
    assert Arrival.objects.for_store(store).filter(state="ignored").count() == 3


def test_a_customer_who_is_gone_there_stays_here(store: Store, shopify: Shop) -> None:
    shopify.tell("customers/create", ADA)
    shopify.tell("customers/delete", {"id": 1, "admin_graphql_api_id": "gid://shopify/Customer/1", "addresses": []})
    assert (one(store).shopify_id, one(store).email_key) == ("", "ada@maple.example")
    shopify.tell("customers/update", shopify_customer(1, "ada@maple.example", at(1), last_name="Late"))
    assert (one(store).shopify_id, one(store).last_name) == ("", "Maple")


def test_missing_and_more_fields_do_no_harm(store: Store, shopify: Shop) -> None:
    bare = {"id": 3, "email": "bare@maple.example", "updated_at": "2026-11-01T12:00:00Z", "line_items": [],
            "financial_status": None, "currency": "EUR", "brand_new": {"deep": [1, 2]}}  # fmt: skip
    assert settled(shopify.tell("orders/create", bare)) == ("done", "")
    order = Order.objects.for_store(store).get()
    assert (order.status, order.total, order.channel) == ("pending", Decimal(0), "")


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(words=st.permutations(range(5)), cuts=st.integers(1, 5))
def test_words_in_any_order_come_to_the_newest(store: Store, shopify: Shop, words: list[int], cuts: int) -> None:
    with transaction.atomic():
        waiting: list[Arrival] = []
        for count, number in enumerate(words, start=1):
            person = shopify_customer(1, "ada@maple.example", at(number), last_name=f"Name {number}")
            said = shopify_order(1, person, at(number), total=f"{number}.10")
            waiting.append(Arrival(topic="orders/updated", body=json.dumps(said), received_at=timezone.now()))
            if count % cuts == 0:
                FromShopify().take_in(store, shopify.way_in, waiting)
                waiting.clear()
        FromShopify().take_in(store, shopify.way_in, waiting)
        order = Order.objects.for_store(store).get()
        assert (order.total, order.told_at, one(store).last_name) == (Decimal("4.10"), at(4), "Name 4")
        assert OrderLine.objects.for_store(store).get().price == Decimal("4.10")
        transaction.set_rollback(True)


# --- Recharge

BEA = recharge_customer(50, "bea@maple.example", at(0))


def test_a_subscription_and_what_happens_to_it(store: Store, recharge: Shop) -> None:
    recharge.tell("customer/created", BEA)
    assert settled(recharge.tell("subscription/created", recharge_subscription(8, 50, at(0)))) == ("done", "")
    row = Subscription.objects.for_store(store).get()
    assert (row.title, row.price, row.status, row.currency) == ("Coffee", Decimal(20), "active", "EUR")
    assert (row.interval_unit, row.interval_count, row.next_charge_on) == ("week", 2, date(2026, 12, 24))
    assert (row.customer.recharge_id, row.product.external_id) == ("50", "7")
    recharge.tell("subscription/skipped", recharge_subscription(8, 50, at(1), next_charge_scheduled_at="2027-01-07"))
    over = {"status": "cancelled", "cancelled_at": "2026-11-01T12:02:00+00:00", "cancellation_reason": "Too much"}
    recharge.tell("subscription/cancelled", recharge_subscription(8, 50, at(2), **over))
    row.refresh_from_db()
    assert (row.status, row.cancelled_at, row.cancellation_reason) == ("cancelled", at(2), "Too much")
    assert row.next_charge_on is None
    events = Event.objects.for_store(store).order_by("occurred_at").values_list("name", "occurred_at")
    assert list(events) == [("Subscription Skipped", at(1)), ("Subscription Cancelled", at(2))]
    assert Event.objects.for_store(store).latest("occurred_at").properties["reason"] == "Too much"


def test_every_happening_has_its_name(store: Store, recharge: Shop) -> None:
    recharge.tell("customer/created", BEA)
    for number, word in enumerate(("skipped", "unskipped", "paused", "swapped", "activated")):
        recharge.tell(f"subscription/{word}", recharge_subscription(8, 50, at(number)))
    # Said again under the same topic, and under a topic that it is not.
    recharge.tell("subscription/skipped", recharge_subscription(8, 50, at(0), variant_title="500 g"))
    recharge.tell("subscription/cancelled", recharge_subscription(8, 50, at(9)))
    names = Event.objects.for_store(store).order_by("occurred_at").values_list("name", flat=True)
    assert list(names) == [
        f"Subscription {word}" for word in ("Skipped", "Unskipped", "Paused", "Swapped", "Activated")
    ]


def test_times_without_a_zone_are_eastern(store: Store, recharge: Shop) -> None:
    recharge.tell(
        "customer/created", recharge_customer(50, "bea@maple.example", at(0), created_at="2022-03-09T02:36:35")
    )
    assert one(store).signed_up_at.isoformat() == "2022-03-09T07:36:35+00:00"
    recharge.tell(
        "customer/updated", recharge_customer(50, "bea@maple.example", at(1), created_at="2021-07-01T00:00:00")
    )
    assert one(store).signed_up_at.isoformat() == "2021-07-01T04:00:00+00:00"


def test_a_subscription_of_nobody_waits_for_its_customer(store: Store, recharge: Shop) -> None:
    arrival = recharge.tell("subscription/created", recharge_subscription(8, 50, at(0)))
    assert arrival.state == "ignored"
    assert "Nobody here is known by its id" in arrival.reason
    recharge.tell("customer/created", BEA)
    Arrival.objects.for_store(store).filter(pk=arrival.pk).update(state="waiting")
    take_in(store)
    assert Subscription.objects.for_store(store).get().customer.email == "bea@maple.example"


def test_an_order_of_recharge(store: Store, recharge: Shop) -> None:
    recharge.tell("order/created", recharge_order(70, BEA, at(0)))
    order = Order.objects.for_store(store).get()
    assert (order.external_id, order.kind, order.status, order.total) == ("70", "recurring", "paid", Decimal(20))
    assert OrderLine.objects.for_store(store).get().is_subscription
    recharge.tell("order/updated", recharge_order(70, BEA, at(1), total_refunds="20.00"))
    order.refresh_from_db()
    assert (order.status, order.refunded) == ("refunded", Decimal(20))
    to_come = recharge.tell("order/upcoming", recharge_order(71, BEA, at(2), status="queued"))
    assert to_come.state == "ignored"
    queued = recharge.tell("order/created", recharge_order(71, BEA, at(2), status="queued"))
    assert queued.reason == "It is an order that is still to come."


def test_an_order_that_stands_at_both_counts_once(store: Store, recharge: Shop, shopify: Shop) -> None:
    theirs = recharge_order(70, BEA, at(0), shopify_id=1001)
    ours = shopify_order(1001, shopify_customer(9, "bea@maple.example", at(0)), at(1))
    recharge.tell("order/created", theirs)
    assert Order.objects.for_store(store).get().source == "recharge"
    shopify.tell("orders/create", ours)
    assert Order.objects.for_store(store).get().source == "shopify"
    recharge.tell("order/updated", recharge_order(70, BEA, at(3), shopify_id=1001))
    assert Order.objects.for_store(store).get().source == "shopify"
    assert OrderLine.objects.for_store(store).count() == 1
    assert Customer.objects.for_store(store).count() == 1
    assert Product.objects.for_store(store).count() == 2


def test_what_becomes_of_charges(store: Store, recharge: Shop) -> None:
    recharge.tell("customer/created", BEA)
    failed = recharge_charge(90, BEA, at(0), status="error", error_type="CUSTOMER_NEEDS_TO_UPDATE_CARD")
    recharge.tell("charge/failed", failed)
    recharge.tell("charge/paid", recharge_charge(90, BEA, at(1)))
    recharge.tell("charge/paid", recharge_charge(90, BEA, at(1), updated_at="2026-11-02T00:00:00"))
    events = Event.objects.for_store(store).order_by("occurred_at")
    assert [event.name for event in events] == ["Charge Failed", "Charge Paid"]
    assert events[0].properties["error"] == "CUSTOMER_NEEDS_TO_UPDATE_CARD"


@pytest.mark.parametrize(
    ("topic", "said"),
    [
        ("subscription/created", {"id": 1}),
        ("subscription/created", recharge_subscription(8, 50, at(0), status="onetime")),
        ("subscription/created", recharge_subscription(8, 50, at(0), next_charge_scheduled_at="soon")),
        ("order/created", BEA),
        ("customer/created", recharge_order(70, BEA, at(0))),
        ("customer/deleted", BEA),
        ("subscription/deleted", recharge_subscription(8, 50, at(0))),
        ("charge/paid", BEA),
        ("address/created", {"id": 1}),
    ],
)
def test_what_recharge_says_that_is_of_no_use(store: Store, recharge: Shop, topic: str, said: dict[str, Any]) -> None:
    recharge.tell("customer/created", BEA)
    arrival = recharge.tell(topic, said)
    assert (arrival.state, bool(arrival.reason)) == ("ignored", True)


def test_what_is_deleted_at_recharge(store: Store, recharge: Shop) -> None:
    recharge.tell("customer/created", BEA)
    recharge.tell("subscription/created", recharge_subscription(8, 50, at(0)))
    recharge.tell("subscription/deleted", {"id": 8})
    row = Subscription.objects.for_store(store).get()
    assert (row.status, row.next_charge_on, row.cancelled_at is None) == ("cancelled", None, False)
    recharge.tell("customer/deleted", {"id": 50})
    assert one(store).recharge_id == ""
