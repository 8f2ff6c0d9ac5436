"""Words of a source, and what a plain reading of the rules makes of them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from customers.commerce.records import LineSaid, OrderSaid, Outcome, SubscriptionSaid
from customers.models import Customer, Order, OrderLine

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


def at(minutes: int) -> datetime:
    return NOON + timedelta(minutes=minutes)


def line(title: str = "Coffee", price: str = "24.00", **fields: Any) -> LineSaid:
    said: dict[str, Any] = {"title": title, "price": Decimal(price), "product": f"P-{title}"}
    return LineSaid(**said | fields)


def order(customer: Customer | int, key: str = "1", minutes: int = 0, **fields: Any) -> OrderSaid:
    whose = customer if isinstance(customer, int) else customer.pk
    said: dict[str, Any] = {
        "external_id": key, "customer_id": whose, "placed_at": NOON, "told_at": at(minutes), "currency": "EUR",
        "subtotal": Decimal(24), "total": Decimal(24), "lines": (line(),),
    }  # fmt: skip
    return OrderSaid(**said | fields)


def subscription(customer: Customer, key: str = "1", minutes: int = 0, **fields: Any) -> SubscriptionSaid:
    said: dict[str, Any] = {
        "external_id": key, "customer_id": customer.pk, "title": "Coffee", "price": Decimal(20), "currency": "EUR",
        "started_at": NOON, "told_at": at(minutes), "product": "P-Coffee",
    }  # fmt: skip
    return SubscriptionSaid(**said | fields)


class Reference:
    """The rules in plain words: the newest word of each order holds, and of two equally new ones the later."""

    def __init__(self) -> None:
        self.holds: dict[str, OrderSaid] = {}

    def hear(self, words: Iterable[OrderSaid]) -> list[Outcome]:
        return [self._hear(word) for word in words]

    def _hear(self, word: OrderSaid) -> Outcome:
        before = self.holds.get(word.external_id)
        if before is not None and word.told_at < before.told_at:
            return Outcome.OLDER
        self.holds[word.external_id] = word
        if before is None:
            return Outcome.CREATED
        return Outcome.UNCHANGED if _without_time(before) == _without_time(word) else Outcome.UPDATED


def _without_time(word: OrderSaid) -> tuple[Any, ...]:
    return tuple(getattr(word, name) for name in word.__slots__ if name != "told_at")


def written(store: Any) -> dict[str, tuple[Any, ...]]:
    """What the tables say: external id → the fields and lines of the order."""
    lines: dict[int, list[tuple[Any, ...]]] = {}
    rows = OrderLine.objects.for_store(store).select_related("product").order_by("order", "position")
    for place, row in enumerate(rows):
        mine = lines.setdefault(row.order_id, [])
        assert row.position == len(mine) + 1, place
        product = row.product.external_id if row.product else None
        mine.append((row.title, row.price, product, row.quantity, row.discount, row.is_subscription))
    return {
        row.external_id: (
            row.customer_id, row.placed_at, row.told_at, row.currency, row.subtotal, row.total, row.discount,
            row.refunded, row.number, row.kind, row.status, row.discount_codes, row.channel,
            tuple(lines.get(row.pk, [])),
        )
        for row in Order.objects.for_store(store)
    }  # fmt: skip


def expected(reference: Reference) -> dict[str, tuple[Any, ...]]:
    return {
        key: (
            said.customer_id, said.placed_at, said.told_at, said.currency, said.subtotal, said.total, said.discount,
            said.refunded, said.number, said.kind, said.status, said.discount_codes, said.channel,
            tuple((row.title, row.price, row.product, row.quantity, row.discount, row.is_subscription)
                  for row in said.lines),
        )
        for key, said in reference.holds.items()
    }  # fmt: skip
