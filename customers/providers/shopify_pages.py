"""Shopify's customers and orders as its Admin GraphQL interface lists them, by the time of their last change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from customers.channels import channel_of_order
from customers.commerce.records import LineSaid, OrderSaid, ProductSaid, Unkeepable
from customers.models import OrderKind
from customers.providers.people import PersonSaid
from customers.providers.reading import Ignored, moment, money, part, parts, whole, word
from customers.providers.shopify import NOT_AN_ORDER, TEST_ORDER, Sale, consent_of, kind_of, status_of
from customers.providers.shopify_api import NOT_PROMISED, ShopifyApi, next_cursor
from portal.outbound import Garbled

_CUSTOMER = """id firstName lastName tags createdAt updatedAt
      defaultEmailAddress { emailAddress marketingState } defaultPhoneNumber { phoneNumber }"""
CUSTOMERS = f"""query Customers($first: Int!, $after: String, $query: String) {{
  customers(first: $first, after: $after, query: $query, sortKey: UPDATED_AT) {{
    nodes {{ {_CUSTOMER} }} pageInfo {{ hasNextPage endCursor }}
  }}
}}"""
_LINES = """nodes { id title quantity originalUnitPriceSet { shopMoney { amount } }
        totalDiscountSet { shopMoney { amount } } product { id title productType } sellingPlan { name } }
      pageInfo { hasNextPage endCursor }"""
ORDERS = f"""query Orders($first: Int!, $after: String, $query: String) {{
  orders(first: $first, after: $after, query: $query, sortKey: UPDATED_AT) {{
    nodes {{
      id name email test tags sourceName createdAt processedAt updatedAt cancelledAt currencyCode
      displayFinancialStatus discountCodes subtotalLineItemsPriceSet {{ shopMoney {{ amount }} }}
      totalDiscountsSet {{ shopMoney {{ amount }} }} totalPriceSet {{ shopMoney {{ amount }} }}
      totalRefundedSet {{ shopMoney {{ amount }} }}
      customAttributes {{ key value }}
      customer {{ {_CUSTOMER} }} customerJourneySummary {{ firstVisit {{ landingPage referrerUrl }} }}
      lineItems(first: 20) {{ {_LINES} }}
    }}
    pageInfo {{ hasNextPage endCursor }}
  }}
}}"""
MORE_LINES = f"""query OrderLines($id: ID!, $after: String) {{
  order(id: $id) {{ lineItems(first: 100, after: $after) {{ {_LINES} }} }}
}}"""
CUSTOMERS_A_PAGE, ORDERS_A_PAGE = 100, 25
LINES_MOST_PAGES = 50


def _query(since: datetime | None) -> str | None:
    return None if since is None else f"updated_at:>='{since.astimezone(UTC).strftime('%Y-%m-%dT%H:%M:%SZ')}'"


def customers(api: ShopifyApi, since: datetime | None, cursor: str | None) -> tuple[Sequence[Any], str | None]:
    asked = {"first": CUSTOMERS_A_PAGE, "after": cursor, "query": _query(since)}
    return _nodes(api.part(api.ask(CUSTOMERS, asked), "customers"))


def orders(api: ShopifyApi, since: datetime | None, cursor: str | None) -> tuple[Sequence[Any], str | None]:
    """A page of orders, each with all of its lines, however many."""
    asked = {"first": ORDERS_A_PAGE, "after": cursor, "query": _query(since)}
    rows, following = _nodes(api.part(api.ask(ORDERS, asked), "orders"))
    for row in rows:
        if isinstance(row, dict):
            _complete(api, row)
    return rows, following


def _complete(api: ShopifyApi, order: dict[str, Any]) -> None:
    lines = part(order, "lineItems")
    if not isinstance(lines.get("nodes"), list):
        raise Garbled(NOT_PROMISED)
    following, pages = next_cursor(lines), 0
    while following is not None and pages < LINES_MOST_PAGES:
        answer = api.part(api.ask(MORE_LINES, {"id": word(order, "id"), "after": following}), "order")
        nodes, following = _nodes(part(answer, "lineItems"))
        lines["nodes"] += nodes
        pages += 1


def _nodes(found: dict[str, Any]) -> tuple[list[Any], str | None]:
    nodes = found.get("nodes")
    if not isinstance(nodes, list):
        raise Garbled(NOT_PROMISED)
    return nodes, next_cursor(found)


def number(said: Mapping[str, Any]) -> str:
    """The number in gid://shopify/Order/123."""
    return word(said, "id").rpartition("/")[2]


def _amount(said: Mapping[str, Any], name: str) -> Any:
    return money(part(part(said, name), "shopMoney"), "amount")


def customer(said: Mapping[str, Any]) -> PersonSaid:
    """Raises Ignored and Unkeepable."""
    told_at = moment(said, "updatedAt")
    if not number(said) or told_at is None:
        raise Unkeepable("updatedAt", "It does not say when it was changed.")
    address = part(said, "defaultEmailAddress")
    tags = said.get("tags")
    return PersonSaid(
        told_at=told_at,
        email=word(address, "emailAddress"),
        external_id=number(said),
        first_name=word(said, "firstName"),
        last_name=word(said, "lastName"),
        phone=word(part(said, "defaultPhoneNumber"), "phoneNumber"),
        signed_up_at=moment(said, "createdAt"),
        consent=consent_of(word(address, "marketingState")),
        tags=_texts(tags),
    )


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(one for one in value if isinstance(one, str)) if isinstance(value, list) else ()


def sale(said: Mapping[str, Any]) -> Sale:
    """Raises Ignored and Unkeepable."""
    told_at = moment(said, "updatedAt")
    if not number(said) or told_at is None:
        raise Ignored(NOT_AN_ORDER)
    if said.get("test") is True:
        raise Ignored(TEST_ORDER)
    kind = kind_of(_texts(said.get("tags")), word(said, "sourceName"))
    lines, visit = _lines(said, kind), part(part(said, "customerJourneySummary"), "firstVisit")
    order = OrderSaid(
        external_id=number(said),
        customer_id=0,
        number=word(said, "name"),
        kind=kind,
        status=status_of(word(said, "displayFinancialStatus"), is_cancelled=bool(word(said, "cancelledAt"))),
        placed_at=moment(said, "processedAt") or moment(said, "createdAt") or told_at,
        told_at=told_at,
        currency=word(said, "currencyCode"),
        subtotal=_amount(said, "subtotalLineItemsPriceSet"),
        discount=_amount(said, "totalDiscountsSet"),
        total=_amount(said, "totalPriceSet"),
        refunded=_amount(said, "totalRefundedSet"),
        discount_codes=", ".join(_texts(said.get("discountCodes"))),
        channel=channel_of_order(_noted(said), word(visit, "landingPage"), word(visit, "referrerUrl")),
        lines=lines,
    )
    known = part(said, "customer")
    email = word(said, "email")
    buyer = customer(known) if known else PersonSaid(told_at=told_at, email=email, signed_up_at=order.placed_at)
    return Sale(buyer, order, _products(said, told_at))


def _noted(said: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(word(one, "key"), word(one, "value")) for one in parts(said, "customAttributes")]


def _lines(said: Mapping[str, Any], kind: OrderKind) -> tuple[LineSaid, ...]:
    nodes = parts(part(said, "lineItems"), "nodes")
    marked = [bool(part(node, "sellingPlan")) for node in nodes]
    is_whole = kind != OrderKind.ONE_OFF and not any(marked)
    return tuple(
        LineSaid(
            product=number(part(node, "product")) or None,
            title=word(node, "title"),
            quantity=max(0, whole(node, "quantity", 1)),
            price=_amount(node, "originalUnitPriceSet"),
            discount=_amount(node, "totalDiscountSet"),
            is_subscription=is_marked or is_whole,
        )
        for node, is_marked in zip(nodes, marked, strict=True)
    )


def _products(said: Mapping[str, Any], told_at: datetime) -> tuple[ProductSaid, ...]:
    found = [part(node, "product") for node in parts(part(said, "lineItems"), "nodes")]
    return tuple(
        ProductSaid(
            external_id=number(product),
            title=word(product, "title"),
            category=word(product, "productType") or None,
            told_at=told_at,
        )
        for product in {number(product): product for product in found}.values()
        if number(product) and word(product, "title")
    )
