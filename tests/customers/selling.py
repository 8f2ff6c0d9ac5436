"""A customer who bought, subscribed and did something: one row of each kind."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from customers.ingest import names
from customers.models import (
    Arrival,
    ArrivalDay,
    Customer,
    CustomerMetrics,
    Event,
    KeyedRequest,
    NameSetAside,
    Order,
    OrderLine,
    PersonTold,
    Product,
    Rejection,
    Subscription,
    TouchedCustomer,
    Visitor,
    WayIn,
)

MONEY = {"subtotal": "24.000", "total": "24.000", "currency": "EUR"}


def way_in(store: Any, kind: str = "segment", **fields: Any) -> WayIn:
    digest = f"{store.pk}{kind}".ljust(64, "0")
    given = {"kind": kind, "label": "Shop", "key_digest": digest, "key_ends": "abcd"} | fields
    made: WayIn = WayIn.objects.create_for(store, **given)
    return made


def sell_something(customer: Customer, number: str = "1") -> Order:
    """The customer's order of one product, a subscription to it, an event and a waiting arrival."""
    store, now = customer.store, timezone.now()
    told = {"source": "shopify", "told_at": now}
    product = Product.objects.create_for(store, external_id=f"P{number}", title="Coffee", **told)
    bought = {"customer": customer, "external_id": f"O{number}", "number": f"#{number}", "placed_at": now}
    order: Order = Order.objects.create_for(store, **bought, **MONEY, **told)
    OrderLine.objects.create_for(store, order=order, position=1, product=product, title="Coffee", price="24.000")
    Subscription.objects.create_for(
        store, customer=customer, product=product, external_id=f"S{number}", title="Coffee", price="24.000",
        currency="EUR", started_at=now, **told,
    )  # fmt: skip
    PersonTold.objects.create_for(store, external_id=f"{customer.pk} {number}", customer=customer, **told)
    do_something(customer, number)
    measured = {"customer": customer, "customer_since": customer.signed_up_at, "orders_count": 1}
    CustomerMetrics.objects.for_store(store).get_or_create(
        customer=customer, defaults={"store_id": store.pk} | measured
    )
    return order


def do_something(customer: Customer, number: str = "1") -> None:
    store, now = customer.store, timezone.now()
    source = WayIn.objects.for_store(store).first() or way_in(store)
    name = f"visitor {customer.pk}".ljust(32, "0")
    Visitor.objects.create_for(store, digest=name, customer=customer)
    Event.objects.create_for(
        store, customer=customer, visitor=name, name="Logged In", occurred_at=now, way_in=source,
        message_key=names.digest("message", f"{customer.pk} {number}"), properties={"by": customer.email},
    )  # fmt: skip
    TouchedCustomer.objects.create_for(store, customer=customer)
    Arrival.objects.create_for(store, way_in=source, topic="track", body=f'{{"email": "{customer.email}"}}')
    day = {"way_in": source, "day": now.date()}
    ArrivalDay.objects.for_store(store).get_or_create(**day, defaults={"store_id": store.pk, "received": 1})
    Rejection.objects.create_for(store, way_in=source, topic="track", position=0, reason="It has no name.")


def set_something_aside(store: Any) -> None:
    """An arrival that could not be taken in, with a name that stands in it, and a request that named a key."""
    source = WayIn.objects.for_store(store).first() or way_in(store)
    aside = Arrival.objects.create_for(store, way_in=source, topic="track", body="{}", state="poison")
    NameSetAside.objects.create_for(store, arrival=aside, digest="0" * 32)
    KeyedRequest.objects.create_for(store, way_in=source, key_digest="0" * 64, request_digest="1" * 64)
