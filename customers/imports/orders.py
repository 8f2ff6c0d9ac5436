"""Files of orders: Shopify's export of them, our template, and others; a row is an order, or a further line of one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from customers.channels import channel_of_order
from customers.commerce.records import LineSaid, OrderSaid, Unkeepable
from customers.imports.figures import read_amount, read_choice, read_count
from customers.imports.layouts import (
    IN_DAYS_FIRST,
    IN_MONTHS_FIRST,
    OTHER,
    SHOPIFY,
    TEMPLATE,
    Layout,
    any_of,
    places_of,
    with_orders_of_dates,
)
from customers.imports.readers import PEOPLE, CellReader, Reader, missing, row_of
from customers.imports.values import clean, read_id, read_moment, read_tags, read_text
from customers.models import OrderKind, OrderStatus
from customers.models.commerce import ID_LENGTH, TITLE_LENGTH
from portal.tabular import EMAIL_NAMES, find_column
from portal.tabular.columns import column_key

FIELDS = {
    "order": "Order",
    **PEOPLE,
    "placed_at": "Placed",
    "status": "Status",
    "total": "Total",
    "currency": "Currency",
    "discount": "Discount",
    "refunded": "Refunded",
    "discount_codes": "Discount codes",
    "kind": "Kind",
    "channel": "Channel",
    "title": "Product",
    "product": "Product id",
    "quantity": "Quantity",
    "price": "Price",
    "line_discount": "Discount of the line",
    "cancelled_at": "Cancelled",
    "paid_at": "Paid",
    "number": "Order number",
    "tags": "Tags of the order",
    "noted": "Attributes of the order",
}
DATES = ("placed_at", "paid_at", "cancelled_at")
READINGS = with_orders_of_dates(FIELDS, ("placed_at",))
TEMPLATE_FIELDS = tuple(FIELDS)[:16]
SOURCES = {
    TEMPLATE: "Coterie's template for orders",
    SHOPIFY: "A Shopify order export",
    OTHER: "Another file of orders",
}
STATUSES = {
    **dict.fromkeys(("paid", "completed", "fulfilled"), OrderStatus.PAID),
    **dict.fromkeys(("pending", "authorized", "partially_paid", "unpaid", "expired"), OrderStatus.PENDING),
    "partially_refunded": OrderStatus.PARTIALLY_REFUNDED,
    "refunded": OrderStatus.REFUNDED,
    **dict.fromkeys(("voided", "cancelled", "canceled"), OrderStatus.CANCELLED),
}
KINDS = {
    **dict.fromkeys(("one_off", "onetime", "one_time"), OrderKind.ONE_OFF),
    **dict.fromkeys(("checkout", "first", "first_of_a_subscription"), OrderKind.CHECKOUT),
    **dict.fromkeys(("recurring", "subscription", "renewal"), OrderKind.RECURRING),
}
_TAGS = {"subscription first order": OrderKind.CHECKOUT, "subscription recurring order": OrderKind.RECURRING}
_SHOPIFY_FIELDS = {
    "Name": "number",
    "Id": "order",
    "Email": "email",
    "Financial Status": "status",
    "Created at": "placed_at",
    "Paid at": "paid_at",
    "Cancelled at": "cancelled_at",
    "Currency": "currency",
    "Total": "total",
    "Discount Amount": "discount",
    "Discount Code": "discount_codes",
    "Refunded Amount": "refunded",
    "Tags": "tags",
    "Note Attributes": "noted",
    "Lineitem name": "title",
    "Lineitem quantity": "quantity",
    "Lineitem price": "price",
    "Lineitem sku": "product",
    "Lineitem discount": "line_discount",
}
_SHOPIFY_NEEDS = ("Name", "Email", "Financial Status", "Created at", "Lineitem name", "Lineitem quantity")
_GUESSES: dict[str, Sequence[str]] = {
    "order": ("order", "order id", "order number", "order name", "order no", "id", "name", "number", "bestellnummer"),
    "email": EMAIL_NAMES,
    "shopify_id": ("shopify customer id", "shopify id", "external customer id", "customer id"),
    "recharge_id": ("recharge customer id", "recharge id"),
    "placed_at": (
        "placed", "placed at", "order date", "ordered at", "date", "created at", "processed at", "purchased at",
    ),
    "status": ("status", "financial status", "payment status", "order status"),
    "total": ("total", "total price", "amount", "order total", "grand total", "revenue"),
    "currency": ("currency", "currency code"),
    "discount": ("discount", "discount amount", "total discounts", "discounts"),
    "refunded": ("refunded", "refunded amount", "refunds"),
    "discount_codes": ("discount codes", "discount code", "coupon", "coupon code"),
    "kind": ("kind", "order type", "type"),
    "channel": ("channel", "utm source", "marketing channel", "source"),
    "title": ("product", "product title", "product name", "lineitem name", "item", "title"),
    "product": ("product id", "sku", "lineitem sku", "variant sku"),
    "quantity": ("quantity", "qty", "lineitem quantity"),
    "price": ("price", "unit price", "lineitem price"),
    "line_discount": ("discount of the line", "line discount", "lineitem discount"),
    "cancelled_at": ("cancelled", "cancelled at", "canceled at"),
    "noted": ("note attributes", "order attributes", "cart attributes"),
}  # fmt: skip


def recognise(headers: Sequence[str]) -> Layout:
    """The layout of a file with these headers; a guess, with `source` OTHER, when it is nobody's we know."""
    places = places_of(headers)
    if all(column_key(name) in places for name in _SHOPIFY_NEEDS):
        fields = {name: places[key] for label, name in _SHOPIFY_FIELDS.items() if (key := column_key(label)) in places}
        return Layout(SHOPIFY, fields)
    return as_template(headers, FIELDS, "order", "placed_at") or guess(headers, _GUESSES)


def as_template(headers: Sequence[str], labels: Mapping[str, str], *needed: str) -> Layout | None:
    """The layout of a file all of whose headers are those of our template."""
    known = {column_key(label): name for name, label in labels.items()}
    fields = {known.get(column_key(header), ""): index for index, header in enumerate(headers) if header}
    is_ours = "" not in fields and len(fields) == sum(map(bool, headers)) and set(needed) <= set(fields)
    return Layout(TEMPLATE, fields) if is_ours and any_of(PEOPLE.values(), places_of(headers)) else None


def guess(headers: Sequence[str], names: Mapping[str, Sequence[str]]) -> Layout:
    """What the columns seem to be by their names."""
    fields: dict[str, int] = {}
    for name, likely in names.items():
        index = find_column(headers, likely)
        if index is not None and index not in fields.values():
            fields[name] = index
    return Layout(OTHER, fields)


class OrderReader:
    """Reads the rows of a file of orders; times without a zone are in `zone`, none may lie beyond `now`, and amounts
    without a currency are in `currency`."""

    def __init__(self, layout: Layout, zone: ZoneInfo, now: datetime, currency: str) -> None:
        self._is_shopify, self._currency = layout.source == SHOPIFY, currency
        readers: dict[str, Reader] = {
            "order": read_id(FIELDS["order"], ID_LENGTH),
            "number": read_text(FIELDS["number"], ID_LENGTH),
            "shopify_id": read_id(FIELDS["shopify_id"]),
            "recharge_id": read_id(FIELDS["recharge_id"]),
            "status": read_choice(FIELDS["status"], STATUSES),
            "kind": read_choice(FIELDS["kind"], KINDS),
            "tags": read_tags,
            "noted": read_noted,
            "quantity": read_count(FIELDS["quantity"]),
            "placed_at" + IN_DAYS_FIRST: read_moment(zone, now, day_first=True, label=FIELDS["placed_at"]),
            "placed_at" + IN_MONTHS_FIRST: read_moment(zone, now, day_first=False, label=FIELDS["placed_at"]),
        }
        readers |= {name: read_moment(zone, now, label=FIELDS[name]) for name in DATES}
        amounts = ("total", "discount", "refunded", "price", "line_discount")
        readers |= {name: read_amount(FIELDS[name]) for name in amounts}
        texts = {"currency": 3, "discount_codes": 255, "channel": 50, "title": TITLE_LENGTH, "product": ID_LENGTH}
        readers |= {name: read_text(FIELDS[name], most) for name, most in texts.items()}
        self._cells = CellReader(layout, readers)

    def read(self, cells: Sequence[str]) -> tuple[list[Any], str, bool]:
        """The values for COLUMNS, what is wrong with them or '', and whether the row is a further line of an order
        that begins above it."""
        values, _, wrong = self._cells.read(cells)
        if self._is_shopify and "product" in values:
            # The export has no number of the product, which is what Shopify's webhooks call it by.
            values["product"] = f"sku:{values['product']}"[:ID_LENGTH]
        key = str(values.get("number" if self._is_shopify else "order", ""))
        goes_on = self._is_shopify and "total" not in values and "status" not in values
        said = {"line": _line(values)} if goes_on else self._said(values, key)
        wrong = wrong or ("" if key else f"{FIELDS['order']}: this is empty.")
        return row_of(values, key, said), wrong or self._check(said, values, goes_on), goes_on

    def _said(self, values: dict[str, Any], key: str) -> dict[str, Any]:
        times = [values[name] for name in DATES if name in values]
        tagged = (_TAGS.get(tag.casefold()) for tag in values.get("tags", ()))
        status = OrderStatus.CANCELLED if "cancelled_at" in values else values.get("status", OrderStatus.PAID)
        said = {
            "id": values.get("order", key),
            "number": values.get("number", key),
            "placed_at": values["placed_at"].isoformat() if "placed_at" in values else "",
            "told_at": max(times).isoformat() if times and self._is_shopify else "",
            "status": status,
            "kind": values.get("kind") or next(filter(None, tagged), OrderKind.ONE_OFF),
            "currency": values.get("currency", self._currency),
            "line": _line(values),
        }
        if channel := channel_of_order(values.get("noted", ())):
            said["channel"] = channel
        return said | {
            name: values[name]
            for name in ("total", "discount", "refunded", "discount_codes", "channel")
            if name in values
        }

    def _check(self, said: dict[str, Any], values: dict[str, Any], goes_on: bool) -> str:
        if not goes_on and (gone := missing(values, FIELDS, "placed_at")):
            return gone
        if goes_on and said["line"] is None:
            return missing(values, FIELDS, "title")
        if "total" not in values and (said["line"] is None or "price" not in values):
            return missing(values, FIELDS, "price" if goes_on else "total")
        try:
            if goes_on:
                _line_said(said["line"])
            else:
                order_said(said, [said["line"]], customer_id=0, told_at=values["placed_at"])
        except Unkeepable as error:
            return f"{FIELDS.get(error.field, error.field).capitalize()}: {error.reason}"
        return ""


def read_noted(cell: str) -> list[tuple[str, str]]:
    """Names and values, one pair a line with a colon between, as Shopify's export has what a shop noted."""
    parts = [line.partition(":") for line in cell.splitlines()]
    return [(clean(name), clean(value)) for name, colon, value in parts if colon]


def _line(values: Mapping[str, Any]) -> dict[str, Any] | None:
    """What the row says of a line of the order; None when it says nothing of one."""
    names = ("title", "product", "quantity", "price", "line_discount")
    line = {name: values[name] for name in names if name in values}
    return line if {"title", "product"} & set(line) else None


def _line_said(line: Mapping[str, Any]) -> LineSaid:
    title = line.get("title") or line["product"]
    return LineSaid(
        title=title,
        product=product_key(line),
        quantity=line.get("quantity", 1),
        price=Decimal(line.get("price", 0)),
        discount=Decimal(line.get("line_discount", 0)),
    )


def product_key(line: Mapping[str, Any]) -> str:
    """What a product is known by that a file names: its number or its title."""
    return str(line["product"]) if line.get("product") else f"“{line['title']}”"[:ID_LENGTH]


def order_said(
    said: Mapping[str, Any], lines: Sequence[Mapping[str, Any] | None], *, customer_id: int, told_at: datetime
) -> OrderSaid:
    """The order that `said` begins and `lines` complete. Raises Unkeepable."""
    kept = tuple(_line_said(line) for line in lines if line)
    discount = Decimal(said.get("discount") or sum(line.discount for line in kept))
    goods = sum((line.price * line.quantity for line in kept), Decimal(0))
    total = Decimal(said["total"]) if said.get("total") else max(goods - discount, Decimal(0))
    return OrderSaid(
        external_id=said["id"],
        number=said["number"],
        customer_id=customer_id,
        placed_at=datetime.fromisoformat(said["placed_at"]),
        told_at=datetime.fromisoformat(said["told_at"]) if said.get("told_at") else told_at,
        currency=said["currency"],
        subtotal=goods or total + discount,
        discount=discount,
        total=total,
        refunded=Decimal(said.get("refunded") or 0),
        kind=OrderKind(said["kind"]),
        status=OrderStatus(said["status"]),
        discount_codes=said.get("discount_codes", ""),
        channel=said.get("channel", ""),
        lines=kept,
    )
