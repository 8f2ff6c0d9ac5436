"""Files of subscriptions: Recharge's names of the columns, our template, and others; a row is a subscription."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from customers.commerce.records import SubscriptionSaid, Unkeepable
from customers.imports.figures import read_amount, read_choice, read_count
from customers.imports.layouts import (
    IN_DAYS_FIRST,
    IN_MONTHS_FIRST,
    OTHER,
    RECHARGE,
    TEMPLATE,
    Layout,
    any_of,
    places_of,
    with_orders_of_dates,
)
from customers.imports.orders import as_template, guess, product_key
from customers.imports.readers import PEOPLE, CellReader, Reader, missing, row_of
from customers.imports.values import clean, read_id, read_moment, read_text
from customers.models import IntervalUnit, SubscriptionStatus
from customers.models.commerce import ID_LENGTH, TITLE_LENGTH
from portal.tabular import EMAIL_NAMES
from portal.tabular.columns import column_key

FIELDS = {
    "subscription": "Subscription",
    **PEOPLE,
    "title": "Product",
    "product": "Product id",
    "status": "Status",
    "quantity": "Quantity",
    "price": "Price",
    "currency": "Currency",
    "interval_count": "Every",
    "interval_unit": "Unit",
    "started_at": "Started",
    "cancelled_at": "Cancelled",
    "cancellation_reason": "Reason",
    "next_charge_on": "Next charge",
    "told_at": "Changed",
}
READINGS = with_orders_of_dates(FIELDS, ("started_at",))
TEMPLATE_FIELDS = tuple(FIELDS)[:-1]
SOURCES = {
    TEMPLATE: "Coterie's template for subscriptions",
    RECHARGE: "A Recharge subscription export",
    OTHER: "Another file of subscriptions",
}
STATUSES = {
    "active": SubscriptionStatus.ACTIVE,
    "paused": SubscriptionStatus.PAUSED,
    **dict.fromkeys(("cancelled", "canceled", "inactive"), SubscriptionStatus.CANCELLED),
    "expired": SubscriptionStatus.EXPIRED,
}
UNITS = {
    **dict.fromkeys(("day", "days", "daily"), IntervalUnit.DAY),
    **dict.fromkeys(("week", "weeks", "weekly"), IntervalUnit.WEEK),
    **dict.fromkeys(("month", "months", "monthly"), IntervalUnit.MONTH),
    **dict.fromkeys(("year", "years", "yearly", "annually"), IntervalUnit.YEAR),
}
_RECHARGE_TELLS = ("order_interval_unit", "order_interval_frequency", "charge_interval_frequency")
_RECHARGE_FIELDS = {
    "id": "subscription",
    "email": "email",
    "customer_email": "email",
    "customer_id": "recharge_id",
    "external_customer_id": "shopify_id",
    "product_title": "title",
    "external_product_id": "product",
    "shopify_product_id": "product",
    "status": "status",
    "quantity": "quantity",
    "price": "price",
    "presentment_currency": "currency",
    "order_interval_frequency": "interval_count",
    "order_interval_unit": "interval_unit",
    "created_at": "started_at",
    "cancelled_at": "cancelled_at",
    "cancellation_reason": "cancellation_reason",
    "next_charge_scheduled_at": "next_charge_on",
    "updated_at": "told_at",
}
_GUESSES: dict[str, Sequence[str]] = {
    "subscription": ("subscription", "subscription id", "id", "contract id"),
    "email": EMAIL_NAMES,
    "shopify_id": ("shopify customer id", "external customer id", "customer id"),
    "recharge_id": ("recharge customer id",),
    "title": ("product", "product title", "product name", "title", "item", "plan"),
    "product": ("product id", "sku", "external product id"),
    "status": ("status", "state"),
    "quantity": ("quantity", "qty"),
    "price": ("price", "amount", "recurring price"),
    "currency": ("currency", "currency code"),
    "interval_count": ("every", "order interval frequency", "interval count", "frequency", "interval"),
    "interval_unit": ("unit", "order interval unit", "interval unit", "interval type"),
    "started_at": ("started", "started at", "created at", "start date", "subscribed at"),
    "cancelled_at": ("cancelled", "cancelled at", "canceled at", "cancellation date"),
    "cancellation_reason": ("reason", "cancellation reason", "cancel reason"),
    "next_charge_on": ("next charge", "next charge date", "next order date", "next billing date"),
    "told_at": ("changed", "updated at"),
}


def recognise(headers: Sequence[str]) -> Layout:
    """The layout of a file with these headers; a guess, with `source` OTHER, when it is nobody's we know."""
    places = places_of(headers)
    if (
        "id" in places
        and any_of(_RECHARGE_TELLS, places)
        and any_of(("email", "customer_email", "customer_id"), places)
    ):
        fields: dict[str, int] = {}
        for label, name in _RECHARGE_FIELDS.items():
            if (key := column_key(label)) in places:
                fields.setdefault(name, places[key])
        return Layout(RECHARGE, fields)
    return as_template(headers, FIELDS, "subscription", "started_at") or guess(headers, _GUESSES)


def read_every(cell: str) -> Any:
    """How many units there are between two deliveries: a whole number; or that and the unit, where the cell says both
    ("every 2 weeks") or the unit alone ("monthly")."""
    text = clean(cell).casefold()
    found = re.fullmatch(r"(?:every +)?(\d{1,9})? *-?([a-z]+)", text)
    if found and found[2] in UNITS:
        return int(found[1] or 1), UNITS[found[2]]
    return read_count(FIELDS["interval_count"])(cell)


class SubscriptionReader:
    """Reads the rows of a file of subscriptions; as OrderReader does those of orders."""

    def __init__(self, layout: Layout, zone: ZoneInfo, now: datetime, currency: str) -> None:
        self._is_told, self._currency = layout.source == RECHARGE, currency
        self._zone = zone
        readers: dict[str, Reader] = {
            "subscription": read_id(FIELDS["subscription"], ID_LENGTH),
            "shopify_id": read_id(FIELDS["shopify_id"]),
            "recharge_id": read_id(FIELDS["recharge_id"]),
            "product": read_id(FIELDS["product"], ID_LENGTH),
            "status": read_choice(FIELDS["status"], STATUSES),
            "interval_unit": read_choice(FIELDS["interval_unit"], UNITS),
            "quantity": read_count(FIELDS["quantity"]),
            "interval_count": read_every,
            "price": read_amount(FIELDS["price"]),
            "started_at" + IN_DAYS_FIRST: read_moment(zone, now, day_first=True, label=FIELDS["started_at"]),
            "started_at" + IN_MONTHS_FIRST: read_moment(zone, now, day_first=False, label=FIELDS["started_at"]),
            "next_charge_on": read_moment(zone, now, label=FIELDS["next_charge_on"], ahead=True),
        }
        readers |= {name: read_moment(zone, now, label=FIELDS[name]) for name in _TIMES}
        texts = {"currency": 3, "title": TITLE_LENGTH, "cancellation_reason": 255}
        readers |= {name: read_text(FIELDS[name], most) for name, most in texts.items()}
        self._cells = CellReader(layout, readers)

    def read(self, cells: Sequence[str]) -> tuple[list[Any], str, bool]:
        """The values for COLUMNS, what is wrong with them or '', and False: no row goes on with another."""
        values, _, wrong = self._cells.read(cells)
        wrong = wrong or missing(values, FIELDS, "subscription", "started_at")
        key = str(values.get("subscription", ""))
        clash = _settle_interval(values)
        wrong = wrong or clash
        said = self._said(values, key)
        if not wrong:
            try:
                subscription_said(said, customer_id=0, told_at=values["started_at"])
            except Unkeepable as error:
                wrong = f"{FIELDS.get(error.field, error.field).capitalize()}: {error.reason}"
        return row_of(values, key, said), wrong, False

    def _said(self, values: dict[str, Any], key: str) -> dict[str, Any]:
        said = {name: value for name, value in values.items() if name not in PEOPLE and name != "subscription"}
        for name in _TIMES:
            if name in said:
                said[name] = said[name].isoformat()
        if "next_charge_on" in said:
            said["next_charge_on"] = said["next_charge_on"].astimezone(self._zone).date().isoformat()
        times = [said[name] for name in _TIMES if name in said]
        if "told_at" not in said and self._is_told and times:
            said["told_at"] = max(times, key=datetime.fromisoformat)
        return {"id": key, "currency": self._currency} | said


_TIMES = ("started_at", "cancelled_at", "told_at")


def _settle_interval(values: dict[str, Any]) -> str:
    """Take apart what one column says of number and unit; what is wrong with it, or ''."""
    every = values.get("interval_count")
    if not isinstance(every, tuple):
        return ""
    values["interval_count"], unit = every
    if values.setdefault("interval_unit", unit) in ("", unit):
        values["interval_unit"] = unit
        return ""
    return f"{FIELDS['interval_count']} says {unit}, {FIELDS['interval_unit']} says {values['interval_unit']}."


def subscription_said(said: Mapping[str, Any], *, customer_id: int, told_at: datetime) -> SubscriptionSaid:
    """The subscription that a row tells. Raises Unkeepable."""
    cancelled_at = datetime.fromisoformat(said["cancelled_at"]) if said.get("cancelled_at") else None
    usual = SubscriptionStatus.CANCELLED if cancelled_at else SubscriptionStatus.ACTIVE
    is_named = bool(said.get("title") or said.get("product"))
    return SubscriptionSaid(
        external_id=said["id"],
        customer_id=customer_id,
        title=str(said.get("title") or said.get("product") or "Subscription"),
        product=product_key(said) if is_named else None,
        status=SubscriptionStatus(said.get("status") or usual),
        quantity=said.get("quantity", 1),
        price=Decimal(said.get("price") or 0),
        currency=said["currency"],
        interval_unit=IntervalUnit(said.get("interval_unit") or IntervalUnit.MONTH),
        interval_count=said.get("interval_count", 1),
        started_at=datetime.fromisoformat(said["started_at"]),
        told_at=datetime.fromisoformat(said["told_at"]) if said.get("told_at") else told_at,
        cancelled_at=cancelled_at,
        cancellation_reason=said.get("cancellation_reason", ""),
        next_charge_on=date.fromisoformat(said["next_charge_on"]) if said.get("next_charge_on") else None,
    )
