"""What a source says of a product, an order or a subscription: typed, normalised, and fit to be written.

Times bear their zone; amounts are decimals of at most three places, never floats; texts are cut to what their column
holds. What cannot be kept raises Unkeepable when the record is made, with the field and the reason.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from enum import StrEnum
from typing import Any

from customers.models.commerce import (
    ID_LENGTH,
    TITLE_LENGTH,
    IntervalUnit,
    OrderKind,
    OrderStatus,
    SubscriptionStatus,
)

LINES_MOST = 32_767
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)")
_PLACES = Decimal("0.001")
_TOO_MUCH = Decimal(10) ** 12
_COUNT_MOST = 2**31 - 1
_SMALL_MOST = 2**15 - 1
_CURRENCY = re.compile(r"[A-Z]{3}")
_EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)
_LATEST = datetime(2200, 1, 1, tzinfo=UTC)


class Unkeepable(ValueError):
    """A record says something in `field` that cannot be kept; `reason` is a sentence for staff."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field, self.reason = field, reason


class Outcome(StrEnum):
    """What became of a record that was to be written."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    OLDER = "older"
    """The source has said something newer before: nothing was changed."""
    GONE = "gone"
    """The customer is not in the store, or was erased: nothing was written."""


def amount(given: str | int | Decimal, field: str = "amount") -> Decimal:
    """The amount that a decimal string says, exactly; places beyond the third are rounded half to even. Raises
    Unkeepable."""
    if isinstance(given, str):
        text = given.strip()
        if len(text) > 40 or not _NUMBER.fullmatch(text):
            raise Unkeepable(field, "It is not an amount.")
        given = text
    elif isinstance(given, bool | float):
        raise Unkeepable(field, "It is not an amount.")
    try:
        value = Decimal(given)
    except InvalidOperation as error:
        raise Unkeepable(field, "It is not an amount.") from error
    if not value.is_finite() or abs(value) >= _TOO_MUCH:
        raise Unkeepable(field, "It is more than can be kept.")
    return value.quantize(_PLACES, rounding=ROUND_HALF_EVEN)


def text(given: str | None, length: int) -> str:
    """`given` in one line of at most `length` characters, without what a database or a page cannot show."""
    if not given:
        return ""
    # A lone surrogate, which JSON may hold, is no character; control characters become spaces, NUL among them.
    clean = "".join(" " if unicodedata.category(sign) in ("Cc", "Cs") else sign for sign in given)
    return " ".join(unicodedata.normalize("NFC", clean).split())[:length].rstrip()


class _Said:
    """How the fields of a record are made fit, one kind at a time."""

    __slots__ = ()

    def _fit_id(self, name: str) -> None:
        value = text(getattr(self, name), ID_LENGTH + 1)
        if not value or len(value) > ID_LENGTH:
            raise Unkeepable(name, f"It must have 1 to {ID_LENGTH} characters.")
        self._set(name, value)

    def _fit_texts(self, **lengths: int) -> None:
        for name, length in lengths.items():
            self._set(name, text(getattr(self, name), length))

    def _fit_amounts(self, *names: str) -> None:
        for name in names:
            value = amount(getattr(self, name), name)
            if value < 0:
                raise Unkeepable(name, "It is less than nothing.")
            self._set(name, value)

    def _fit_times(self, *names: str) -> None:
        for name in names:
            value = getattr(self, name)
            if value is None:
                continue
            if value.tzinfo is None:
                raise Unkeepable(name, "It does not say in which time zone it is.")
            if not _EARLIEST <= value < _LATEST:
                raise Unkeepable(name, "It lies too far away.")
            self._set(name, value.astimezone(UTC))

    def _fit_count(self, name: str, least: int, most: int) -> None:
        value = getattr(self, name)
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise Unkeepable(name, f"It must be a whole number from {least} to {most}.")

    def _fit_currency(self) -> None:
        code = str(getattr(self, "currency", "")).strip().upper()
        if not _CURRENCY.fullmatch(code):
            raise Unkeepable("currency", "It must be a code of three letters.")
        self._set("currency", code)

    def _set(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductSaid(_Said):
    """A product; category and is_box are None where the source is silent on them, which changes nothing."""

    external_id: str
    title: str
    told_at: datetime
    category: str | None = None
    is_box: bool | None = None

    def __post_init__(self) -> None:
        self._fit_id("external_id")
        self._fit_texts(title=TITLE_LENGTH)
        self._fit_times("told_at")
        if self.category is not None:
            self._fit_texts(category=100)


@dataclass(frozen=True, slots=True, kw_only=True)
class LineSaid(_Said):
    """A line of an order. `product` is the product's id at the source; one that is not known yet is added, with the
    line's title. `price` is of one, before discounts; `discount` on the whole line."""

    title: str
    price: Decimal
    product: str | None = None
    quantity: int = 1
    discount: Decimal = Decimal(0)
    is_subscription: bool = False

    def __post_init__(self) -> None:
        if self.product is not None:
            self._fit_id("product")
        self._fit_texts(title=TITLE_LENGTH)
        self._fit_count("quantity", 0, _COUNT_MOST)
        self._fit_amounts("price", "discount")


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderSaid(_Said):
    """An order with all of its lines, as it is since `told_at`. `currency` is the order's own, whatever the store's;
    `channel` is a word of customers.channels, or '' where nothing is known."""

    external_id: str
    customer_id: int
    placed_at: datetime
    told_at: datetime
    currency: str
    subtotal: Decimal
    total: Decimal
    discount: Decimal = Decimal(0)
    refunded: Decimal = Decimal(0)
    number: str = ""
    kind: OrderKind = OrderKind.ONE_OFF
    status: OrderStatus = OrderStatus.PAID
    discount_codes: str = ""
    channel: str = ""
    lines: tuple[LineSaid, ...] = ()

    def __post_init__(self) -> None:
        self._fit_id("external_id")
        self._fit_times("placed_at", "told_at")
        self._fit_currency()
        self._fit_amounts("subtotal", "total", "discount", "refunded")
        self._fit_texts(number=ID_LENGTH, discount_codes=255, channel=50)
        self._set("kind", OrderKind(self.kind).value)
        self._set("status", OrderStatus(self.status).value)
        if len(self.lines) > LINES_MOST:
            raise Unkeepable("lines", f"An order has at most {LINES_MOST} lines.")


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionSaid(_Said):
    """A subscription as it is since `told_at`. `product` is the product's id at the source, added with the title when
    it is not known yet; `price` is of one delivery of one."""

    external_id: str
    customer_id: int
    title: str
    price: Decimal
    currency: str
    started_at: datetime
    told_at: datetime
    product: str | None = None
    status: SubscriptionStatus = SubscriptionStatus.ACTIVE
    quantity: int = 1
    interval_unit: IntervalUnit = IntervalUnit.MONTH
    interval_count: int = 1
    cancelled_at: datetime | None = None
    cancellation_reason: str = ""
    next_charge_on: date | None = None

    def __post_init__(self) -> None:
        self._fit_id("external_id")
        if self.product is not None:
            self._fit_id("product")
        self._fit_times("started_at", "told_at", "cancelled_at")
        self._fit_currency()
        self._fit_amounts("price")
        self._fit_texts(title=TITLE_LENGTH, cancellation_reason=255)
        self._fit_count("quantity", 0, _COUNT_MOST)
        self._fit_count("interval_count", 1, _SMALL_MOST)
        self._set("status", SubscriptionStatus(self.status).value)
        self._set("interval_unit", IntervalUnit(self.interval_unit).value)
