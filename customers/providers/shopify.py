"""What Shopify's webhooks say, as records. Pure.

Money comes as decimal strings, times with their offset. An order is what its customer was sold: its subtotal is that of
the lines before discounts, and what was given back is the sum of the refunds that went through.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urljoin

from customers.channels import channel_of_order
from customers.commerce.records import LineSaid, OrderSaid, ProductSaid, Unkeepable
from customers.models import Consent, OrderKind, OrderStatus
from customers.providers.people import PersonSaid
from customers.providers.reading import Ignored, moment, money, part, parts, whole, word

SOURCE = "shopify"
CUSTOMER_TOPICS = ("customers/create", "customers/update")
CUSTOMER_DELETED = "customers/delete"
ORDER_TOPICS = ("orders/create", "orders/updated", "orders/paid", "orders/cancelled")
DATA_REQUEST, REDACT, SHOP_REDACT = "customers/data_request", "customers/redact", "shop/redact"
PRIVACY_TOPICS = (DATA_REQUEST, REDACT, SHOP_REDACT)
TOPICS = (*CUSTOMER_TOPICS, CUSTOMER_DELETED, *ORDER_TOPICS, *PRIVACY_TOPICS)

NOT_A_CUSTOMER = "It does not look like a customer of Shopify."
NOT_AN_ORDER = "It does not look like an order of Shopify."
TEST_ORDER = "It is a test order."
_STATUS = {
    "paid": OrderStatus.PAID,
    "partially_refunded": OrderStatus.PARTIALLY_REFUNDED,
    "refunded": OrderStatus.REFUNDED,
    "voided": OrderStatus.CANCELLED,
}
_SUBSCRIPTION_MARKS = frozenset({"subscription_id", "shipping_interval_frequency", "_rc_subscription"})


@dataclass(frozen=True, slots=True)
class Sale:
    """An order before it is known whose it is: `order` lacks nothing but the customer."""

    person: PersonSaid
    order: OrderSaid
    products: tuple[ProductSaid, ...]


def customer(said: Mapping[str, Any]) -> PersonSaid:
    """The customer whom the body of customers/* tells of. Raises Ignored and Unkeepable."""
    if not word(said, "id") or "line_items" in said or "shop_domain" in said or "email" not in said:
        raise Ignored(NOT_A_CUSTOMER)
    return _person(said, moment(said, "updated_at") or moment(said, "created_at"))


def _person(said: Mapping[str, Any], told_at: datetime | None, email: str = "") -> PersonSaid:
    if told_at is None:
        raise Unkeepable("updated_at", "It does not say when it was changed.")
    address = part(said, "default_address")
    return PersonSaid(
        told_at=told_at,
        email=word(said, "email") or email,
        external_id=word(said, "id"),
        first_name=word(said, "first_name") or word(address, "first_name"),
        last_name=word(said, "last_name") or word(address, "last_name"),
        phone=word(said, "phone") or word(address, "phone"),
        signed_up_at=moment(said, "created_at"),
        consent=consent_of(word(part(said, "email_marketing_consent"), "state")),
        tags=tags_of(word(said, "tags")),
    )


def consent_of(state: str) -> str:
    """The customer's consent by Shopify's word for it; '' where that leaves it open."""
    known = {"subscribed": Consent.SUBSCRIBED, "unsubscribed": Consent.UNSUBSCRIBED, "redacted": Consent.UNSUBSCRIBED}
    return str(known.get(state.lower(), ""))


def tags_of(said: str) -> tuple[str, ...]:
    return tuple(tag.strip() for tag in said.split(",") if tag.strip())


def is_of_deletion(said: Mapping[str, Any]) -> bool:
    """Whether the body tells of a customer who is gone: it names the person by the id alone."""
    return bool(word(said, "id")) and not {"email", "first_name", "line_items", "shop_domain"} & set(said)


def sale(said: Mapping[str, Any]) -> Sale:
    """The order that the body of orders/* tells of. Raises Ignored and Unkeepable."""
    if not word(said, "id") or not isinstance(said.get("line_items"), list) or "financial_status" not in said:
        raise Ignored(NOT_AN_ORDER)
    if said.get("test") is True:
        raise Ignored(TEST_ORDER)
    told_at = moment(said, "updated_at") or moment(said, "created_at")
    if told_at is None:
        raise Unkeepable("updated_at", "It does not say when it was changed.")
    kind = kind_of(tags_of(word(said, "tags")), word(said, "source_name"))
    lines = _lines(said, kind)
    order = OrderSaid(
        external_id=word(said, "id"),
        customer_id=0,
        number=word(said, "name"),
        kind=kind,
        status=status_of(word(said, "financial_status"), is_cancelled=bool(word(said, "cancelled_at"))),
        placed_at=moment(said, "processed_at") or moment(said, "created_at") or told_at,
        told_at=told_at,
        currency=word(said, "currency"),
        subtotal=money(said, "total_line_items_price", "subtotal_price"),
        discount=money(said, "total_discounts"),
        total=money(said, "total_price"),
        refunded=_refunded(said),
        discount_codes=", ".join(filter(None, (word(one, "code") for one in parts(said, "discount_codes")))),
        channel=_channel(said),
        lines=lines,
    )
    titles = {line.product: line.title for line in lines if line.product and line.title}
    products = tuple(ProductSaid(external_id=key, title=title, told_at=told_at) for key, title in titles.items())
    return Sale(_buyer(said, told_at), order, products)


def _buyer(said: Mapping[str, Any], told_at: datetime) -> PersonSaid:
    email = word(said, "email") or word(said, "contact_email")
    known = part(said, "customer")
    if known:
        # What an order says of the customer is as old as the customer's own last change.
        return _person(known, moment(known, "updated_at") or moment(known, "created_at") or told_at, email)
    address = part(said, "billing_address") or part(said, "shipping_address")
    return PersonSaid(
        told_at=told_at,
        email=email,
        first_name=word(address, "first_name"),
        last_name=word(address, "last_name"),
        phone=word(said, "phone") or word(address, "phone"),
        signed_up_at=moment(said, "created_at"),
    )


def status_of(financial: str, *, is_cancelled: bool) -> OrderStatus:
    return OrderStatus.CANCELLED if is_cancelled else _STATUS.get(financial.lower(), OrderStatus.PENDING)


def kind_of(tags: tuple[str, ...], source_name: str) -> OrderKind:
    """By the tags with which subscription apps mark their orders, and Shopify's own name for such a source."""
    known = {tag.lower() for tag in tags}
    if "subscription first order" in known:
        return OrderKind.CHECKOUT
    is_recurring = "subscription recurring order" in known or source_name.startswith("subscription_contract")
    return OrderKind.RECURRING if is_recurring else OrderKind.ONE_OFF


def _lines(said: Mapping[str, Any], kind: OrderKind) -> tuple[LineSaid, ...]:
    lines = parts(said, "line_items")
    marked = [_is_subscription(line) for line in lines]
    # An order of a subscription of which no line is marked is one whole.
    is_whole = kind != OrderKind.ONE_OFF and not any(marked)
    return tuple(
        LineSaid(
            product=word(line, "product_id") or None,
            title=word(line, "title") or word(line, "name"),
            quantity=max(0, whole(line, "quantity", 1)),
            price=money(line, "price"),
            discount=sum((money(one, "amount") for one in parts(line, "discount_allocations")), Decimal(0))
            or money(line, "total_discount"),
            is_subscription=is_marked or is_whole,
        )
        for line, is_marked in zip(lines, marked, strict=True)
    )


def _is_subscription(line: Mapping[str, Any]) -> bool:
    names = {word(one, "name").lower() for one in parts(line, "properties")}
    return bool(line.get("selling_plan_allocation")) or bool(names & _SUBSCRIPTION_MARKS)


def _refunded(said: Mapping[str, Any]) -> Decimal:
    given_back = [
        money(one, "amount")
        for refund in parts(said, "refunds")
        for one in parts(refund, "transactions")
        if word(one, "kind") == "refund" and word(one, "status") == "success"
    ]
    return sum(given_back, Decimal(0))


def _channel(said: Mapping[str, Any]) -> str:
    landing, referrer = word(said, "landing_site"), word(said, "referring_site")
    # The landing page comes as a path; where the shop's own pages are, the order's own page tells.
    noted = [(word(one, "name"), word(one, "value")) for one in parts(said, "note_attributes")]
    return channel_of_order(noted, _address(word(said, "order_status_url"), landing) if landing else "", referrer)


def _address(page: str, landing: str) -> str:
    try:
        return urljoin(page, landing)
    except ValueError:  # one of them is no address
        return landing


def asks_for_privacy(topic: str, said: Mapping[str, Any]) -> bool:
    """Whether the body is what this topic of privacy is: nothing else that Shopify signs may pass for it."""
    needed = {DATA_REQUEST: "orders_requested", REDACT: "orders_to_redact"}.get(topic)
    has_shape = not needed or (isinstance(said.get(needed), list) and isinstance(said.get("customer"), dict))
    return bool(word(said, "shop_domain")) and "line_items" not in said and has_shape
