"""What Recharge's webhooks and interface (2021-11) say, as records. Pure.

The body of a webhook is the object wrapped in its name, and names neither topic nor shop: those are in our address.
Ids of Shopify come as `{"ecommerce": "123"}`. Times without an offset are US Eastern, as Recharge's documents say of
its interface; such with one are what they say. An order that stands at Shopify too bears Shopify's id, so that it is
never counted twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from customers.channels import channel_of
from customers.commerce.records import LineSaid, OrderSaid, ProductSaid, SubscriptionSaid, Unkeepable
from customers.models import IntervalUnit, OrderKind, OrderStatus, SubscriptionStatus
from customers.providers.people import PersonSaid
from customers.providers.reading import EASTERN, Ignored, day, moment, money, part, parts, whole, word

SOURCE = "recharge"
AT_SHOPIFY = "shopify:"
"""What the id of an order begins with that stands at Shopify under the id that follows."""
CUSTOMER_TOPICS = ("customer/created", "customer/updated", "customer/activated", "customer/deactivated")
CUSTOMER_DELETED = "customer/deleted"
HAPPENINGS = {
    "subscription/skipped": "Subscription Skipped",
    "subscription/unskipped": "Subscription Unskipped",
    "subscription/paused": "Subscription Paused",
    "subscription/swapped": "Subscription Swapped",
    "subscription/cancelled": "Subscription Cancelled",
    "subscription/activated": "Subscription Activated",
}
"""Topic → the name of the event that it is; see customers.activity_names."""
SUBSCRIPTION_TOPICS = ("subscription/created", "subscription/updated", *HAPPENINGS)
SUBSCRIPTION_DELETED = "subscription/deleted"
ORDER_TOPICS = (
    "order/created", "order/processed", "order/payment_captured", "order/success", "order/updated", "order/cancelled",
)  # fmt: skip
CHARGE_TOPICS = {
    "charge/paid": "Charge Paid",
    "charge/failed": "Charge Failed",
    "charge/max_retries_reached": "Charge Failed For Good",
    "charge/refunded": "Charge Refunded",
}
"""Topic → the name of the event that it is."""
TOPICS = (
    *CUSTOMER_TOPICS, CUSTOMER_DELETED, *SUBSCRIPTION_TOPICS, SUBSCRIPTION_DELETED, *ORDER_TOPICS, *CHARGE_TOPICS,
)  # fmt: skip

NOT_WRAPPED = "It is not what Recharge sends under this topic."
NOT_PLACED = "It is an order that is still to come."
_STATUS = {
    "success": OrderStatus.PAID,
    "processed": OrderStatus.PAID,
    "error": OrderStatus.PENDING,
    "pending_charge_status": OrderStatus.PENDING,
    "cancelled": OrderStatus.CANCELLED,
}
_SUBSCRIPTION = {
    "active": SubscriptionStatus.ACTIVE,
    "paused": SubscriptionStatus.PAUSED,
    "cancelled": SubscriptionStatus.CANCELLED,
    "expired": SubscriptionStatus.EXPIRED,
}
_UNITS = {"day": IntervalUnit.DAY, "week": IntervalUnit.WEEK, "month": IntervalUnit.MONTH, "year": IntervalUnit.YEAR}
_BOX_MARKS = ("_rc_bundle", "_rc_bundle_collection_id", "rc_bundle")


@dataclass(frozen=True, slots=True)
class Sale:
    """An order of a person, who may be known by the id alone."""

    person: PersonSaid
    order: OrderSaid
    products: tuple[ProductSaid, ...]


@dataclass(frozen=True, slots=True)
class Subscribed:
    """A subscription of the person whose id at Recharge is `person_id`."""

    person: PersonSaid
    subscription: SubscriptionSaid
    products: tuple[ProductSaid, ...]


@dataclass(frozen=True, slots=True)
class Happened:
    """Something that the person did; `key` is what it is known by, however often it is told."""

    person: PersonSaid
    name: str
    at: datetime
    key: str
    properties: dict[str, Any]


def unwrapped(topic: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """The object that a webhook of this topic wraps. Raises Ignored."""
    found = part(body, topic.partition("/")[0])
    if not word(found, "id"):
        raise Ignored(NOT_WRAPPED)
    buyer = part(body, "customer") or part(part(found, "include"), "customer")
    return {"email": word(buyer, "email"), **found} if "customer" not in topic and buyer else found


def ecommerce_id(said: Mapping[str, Any], name: str) -> str:
    """The id at Shopify under `name`, in the shape of either version of the interface."""
    return word(part(said, name), "ecommerce") or word(said, name)


def told_at(said: Mapping[str, Any]) -> datetime:
    """Raises Unkeepable."""
    at = moment(said, "updated_at", EASTERN) or moment(said, "created_at", EASTERN)
    if at is None:
        raise Unkeepable("updated_at", "It does not say when it was changed.")
    return at


def customer(said: Mapping[str, Any]) -> PersonSaid:
    """Raises Ignored and Unkeepable."""
    if "email" not in said or "line_items" in said:
        raise Ignored(NOT_WRAPPED)
    return _person(said, told_at(said))


def _person(said: Mapping[str, Any], at: datetime) -> PersonSaid:
    return PersonSaid(
        told_at=at,
        email=word(said, "email"),
        external_id=word(said, "id"),
        first_name=word(said, "first_name"),
        last_name=word(said, "last_name"),
        phone=word(said, "phone"),
        signed_up_at=moment(said, "created_at", EASTERN),
    )


_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


def _named(person_id: str, email: str = "") -> PersonSaid:
    """Somebody who is only named: the word is older than any that says something."""
    return PersonSaid(told_at=_NEVER, external_id=person_id, email=email)


def subscription(said: Mapping[str, Any], currency: str) -> Subscribed:
    """The subscription, in the store's currency where it names none. Raises Ignored and Unkeepable."""
    if not word(said, "customer_id") or "order_interval_unit" not in said:
        raise Ignored(NOT_WRAPPED)
    at, title = told_at(said), word(said, "product_title") or "Subscription"
    product = ecommerce_id(said, "external_product_id")
    status = _SUBSCRIPTION.get(word(said, "status").lower())
    if status is None:
        raise Ignored("It is no subscription that repeats.")
    record = SubscriptionSaid(
        external_id=word(said, "id"),
        customer_id=0,
        product=product or None,
        title=title,
        status=status,
        quantity=max(0, whole(said, "quantity", 1)),
        price=money(said, "price"),
        currency=word(said, "presentment_currency") or currency,
        interval_unit=_UNITS.get(word(said, "order_interval_unit").lower().rstrip("s"), IntervalUnit.MONTH),
        interval_count=max(1, whole(said, "order_interval_frequency", 1)),
        started_at=moment(said, "created_at", EASTERN) or at,
        cancelled_at=moment(said, "cancelled_at", EASTERN),
        cancellation_reason=word(said, "cancellation_reason"),
        next_charge_on=day(said, "next_charge_scheduled_at") if status == SubscriptionStatus.ACTIVE else None,
        told_at=at,
    )
    is_box = _is_box(said) or None
    products = (ProductSaid(external_id=product, title=title, told_at=at, is_box=is_box),) if product else ()
    return Subscribed(_named(word(said, "customer_id"), word(said, "email")), record, products)


def happening(topic: str, said: Mapping[str, Any], record: SubscriptionSaid) -> Happened | None:
    """The event that a topic of subscriptions is; None where the subscription is not what the topic says."""
    name = HAPPENINGS[topic]
    at = record.told_at
    if topic == "subscription/cancelled":
        if record.cancelled_at is None:
            return None
        at = record.cancelled_at
    if topic == "subscription/activated" and record.status != SubscriptionStatus.ACTIVE:
        return None
    properties = {"subscription": record.external_id, "product": record.title}
    if record.cancellation_reason and topic == "subscription/cancelled":
        properties["reason"] = record.cancellation_reason
    key = f"{topic} {record.external_id} {at.isoformat()}"
    return Happened(_named(word(said, "customer_id"), word(said, "email")), name, at, key, properties)


def order(said: Mapping[str, Any]) -> Sale:
    """Raises Ignored and Unkeepable."""
    buyer = part(said, "customer")
    if not word(buyer, "id") or not isinstance(said.get("line_items"), list) or "status" not in said:
        raise Ignored(NOT_WRAPPED)
    status = _STATUS.get(word(said, "status").lower())
    if status is None or word(part(said, "charge"), "status") == "queued":
        raise Ignored(NOT_PLACED)
    at, elsewhere = told_at(said), ecommerce_id(said, "external_order_id")
    refunded, total = money(said, "total_refunds"), money(said, "total_price")
    kind = OrderKind.CHECKOUT if word(said, "type").lower() == "checkout" else OrderKind.RECURRING
    record = OrderSaid(
        external_id=f"{AT_SHOPIFY}{elsewhere}" if elsewhere else word(said, "id"),
        customer_id=0,
        number=ecommerce_id(said, "external_order_number"),
        kind=kind,
        status=_refunds(status, refunded, total),
        placed_at=moment(said, "processed_at", EASTERN) or moment(said, "created_at", EASTERN) or at,
        told_at=at,
        currency=word(said, "currency"),
        subtotal=money(said, "total_line_items_price", "subtotal_price"),
        discount=money(said, "total_discounts"),
        total=total,
        refunded=refunded,
        discount_codes=", ".join(filter(None, (word(one, "code") for one in parts(said, "discounts")))),
        channel=channel(said),
        lines=tuple(_line(line) for line in parts(said, "line_items")),
    )
    return Sale(_named(word(buyer, "id"), word(buyer, "email")), record, _products(said, at))


def _refunds(status: OrderStatus, refunded: Decimal, total: Decimal) -> OrderStatus:
    if status != OrderStatus.PAID or not refunded:
        return status
    return OrderStatus.REFUNDED if refunded >= total else OrderStatus.PARTIALLY_REFUNDED


def _line(said: Mapping[str, Any]) -> LineSaid:
    return LineSaid(
        product=ecommerce_id(said, "external_product_id") or None,
        title=word(said, "title") or word(said, "product_title"),
        quantity=max(0, whole(said, "quantity", 1)),
        price=money(said, "original_price", "unit_price", "price"),
        is_subscription=word(said, "purchase_item_type").lower() != "onetime",
    )


def _products(said: Mapping[str, Any], at: datetime) -> tuple[ProductSaid, ...]:
    lines = {ecommerce_id(line, "external_product_id"): line for line in parts(said, "line_items")}
    return tuple(
        ProductSaid(external_id=key, title=title, told_at=at, is_box=_is_box(line) or None)
        for key, line in lines.items()
        if key and (title := word(line, "title") or word(line, "product_title"))
    )


def _is_box(said: Mapping[str, Any]) -> bool:
    return any(word(one, "name").lower().startswith(_BOX_MARKS) for one in parts(said, "properties"))


def channel(said: Mapping[str, Any]) -> str:
    """By the first of the campaign tags that came with it."""
    for tags in parts(part(said, "analytics_data"), "utm_params"):
        if found := channel_of(source=word(tags, "utm_source"), medium=word(tags, "utm_medium")):
            return found
    return ""


def charge(topic: str, said: Mapping[str, Any]) -> Happened:
    """Raises Ignored and Unkeepable."""
    payer = part(said, "customer")
    if not word(payer, "id") or "scheduled_at" not in said:
        raise Ignored(NOT_WRAPPED)
    at = moment(said, "processed_at", EASTERN) if topic == "charge/paid" else None
    at = at or told_at(said)
    properties = {
        "charge": word(said, "id"),
        "total": str(money(said, "total_price")),
        "currency": word(said, "currency").upper()[:3],
    }
    if why := word(said, "error_type"):
        properties["error"] = why[:100]
    key = f"{topic} {word(said, 'id')} {'' if topic == 'charge/paid' else at.isoformat()}"
    return Happened(_named(word(payer, "id"), word(payer, "email")), CHARGE_TOPICS[topic], at, key, properties)


def skipped(said: Mapping[str, Any]) -> list[Happened]:
    """What the history of charges tells of skips, one for each subscription in the charge. Raises Unkeepable."""
    payer, at = part(said, "customer"), told_at(said)
    return [
        Happened(
            _named(word(payer, "id"), word(payer, "email")),
            HAPPENINGS["subscription/skipped"],
            at,
            f"charge skipped {word(said, 'id')} {word(line, 'purchase_item_id')}",
            {"subscription": word(line, "purchase_item_id"), "product": word(line, "title")},
        )
        for line in parts(said, "line_items")
        if word(payer, "id") and word(line, "purchase_item_type").lower() != "onetime"
    ]
