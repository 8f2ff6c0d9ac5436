"""Random histories of customers, written as rows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from customers.models import Customer, Event, Order, OrderLine, Product, Subscription
from portal.models import Store

NOW = datetime(2026, 3, 30, 1, 30, tzinfo=UTC)
"""A day after clocks have leapt in Europe, and when it is another day in New York than there."""
EDGES = (0, 1, 6, 7, 8, 29, 30, 31, 89, 90, 91)

_minutes = st.one_of(
    st.integers(0, 200 * 24 * 60),
    st.builds(lambda days, around: days * 24 * 60 + around, st.sampled_from(EDGES), st.integers(-400, 400)),
)
instants = st.builds(
    lambda minutes, micro: NOW - timedelta(minutes=max(minutes, 0)) + timedelta(microseconds=micro),
    _minutes,
    st.sampled_from([0, 0, 0, 1, 500_000]),
)
amounts = st.integers(0, 20_000).map(lambda cents: Decimal(cents) / 100)
NAMES = (
    "Logged In", "Feature Used", "Page Viewed", "$identify", "Email Opened", "Email Clicked", "Subscription Skipped",
    "Subscription Paused", "Subscription Activated", "Anything",
)  # fmt: skip
CAMPAIGNS = (
    None, None, {"source": "google", "medium": "cpc"}, {"source": "instagram", "medium": "paid"}, {"name": "spring"},
    {"source": "newsletter", "medium": "email"},
)  # fmt: skip

lines = st.tuples(st.integers(0, 3), st.integers(1, 4))
orders = st.fixed_dictionaries({
    "placed_at": instants,
    "status": st.sampled_from(["paid", "paid", "paid", "partially_refunded", "refunded", "cancelled", "pending"]),
    "currency": st.sampled_from(["USD", "USD", "USD", "EUR"]),
    "subtotal": amounts, "discount": amounts, "total": amounts, "refunded": amounts,
    "channel": st.sampled_from(["", "", "organic", "referral"]),
    "lines": st.lists(lines, max_size=3),
})  # fmt: skip
subscriptions = st.fixed_dictionaries({
    "status": st.sampled_from(["active", "active", "paused", "cancelled", "expired"]),
    "price": amounts, "quantity": st.integers(1, 3),
    "currency": st.sampled_from(["USD", "USD", "EUR"]),
    "interval_unit": st.sampled_from(["day", "week", "month", "year"]), "interval_count": st.integers(1, 12),
    "started_at": instants, "cancelled_at": st.none() | instants,
    "cancellation_reason": st.sampled_from(["", "Too much", "Moved"]),
    "next_charge_on": st.none() | instants.map(lambda at: at.date()),
    "product": st.integers(0, 4),
})  # fmt: skip
_runs = st.lists(st.integers(0, 40), max_size=4)
events = st.fixed_dictionaries({
    "occurred_at": instants, "name": st.sampled_from(NAMES), "then": _runs,
    "session_id": st.sampled_from([None, None, 1, 2]),
    "feature": st.sampled_from([None, "", "swap", "gift"]), "campaign": st.sampled_from(CAMPAIGNS),
})  # fmt: skip
histories = st.fixed_dictionaries({
    "signed_up_at": instants,
    "acquisition_channel": st.sampled_from(["", "", "", "affiliate"]),
    "orders": st.lists(orders, max_size=5),
    "subscriptions": st.lists(subscriptions, max_size=3),
    "events": st.lists(events, max_size=6),
})  # fmt: skip


def shelf(store: Store) -> list[Product]:
    told = {"source": "shopify", "told_at": NOW}
    kinds = (("Coffee", False), ("Tea", False), ("", False), ("Tea", True))
    return [
        Product.objects.create_for(store, external_id=f"P{at}", title="P", category=category, is_box=is_box, **told)
        for at, (category, is_box) in enumerate(kinds)
    ]


def write(store: Store, number: int, history: dict[str, Any], products: list[Product]) -> Customer:
    fields = {name: history[name] for name in ("signed_up_at", "acquisition_channel")}
    customer: Customer = Customer.objects.create_for(
        store, email=f"c{number}@x.example", email_key=f"c{number}@x.example", **fields
    )
    told = {"source": "shopify", "told_at": NOW}
    for at, order in enumerate(history["orders"]):
        fields = {name: value for name, value in order.items() if name != "lines"}
        row = Order.objects.create_for(store, customer=customer, external_id=f"O{number} {at}", **fields, **told)
        for position, (product, quantity) in enumerate(order["lines"], start=1):
            OrderLine.objects.create_for(
                store, order=row, position=position, product=products[product] if product < 4 else None, title="X",
                quantity=quantity, price=1,
            )  # fmt: skip
    for at, row in enumerate(history["subscriptions"]):
        product = products[row["product"]] if row["product"] < len(products) else None
        Subscription.objects.create_for(
            store,
            customer=customer,
            external_id=f"S{number} {at}",
            title=f"T{at % 2}",
            **{**row, "product": product},
            **told,
        )
    for at, event in enumerate(history["events"]):
        _write_event(store, customer, f"{number} {at}", event)
    return customer


def _write_event(store: Store, customer: Customer, key: str, event: dict[str, Any]) -> None:
    properties = {"$campaign": event["campaign"], "feature": event["feature"], "name": "menu"}
    said = {name: value for name, value in properties.items() if value is not None}
    moment = event["occurred_at"]
    for at, pause in enumerate([0, *event["then"]]):
        moment = moment + timedelta(minutes=pause)
        Event.objects.create_for(
            store, customer=customer, name=event["name"], occurred_at=moment, session_id=event["session_id"],
            properties=said, message_key=f"{key} {at}",
        )  # fmt: skip
