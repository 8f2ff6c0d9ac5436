"""The one door by which products, orders and subscriptions are written: whole sets of them, a handful of statements
for each portion, and the newest word of the source holds in whatever order the words come.

All of it happens in the caller's transaction. Whoever writes holds the store's customers meanwhile, so that no other
writer is in between, and nothing is written for somebody who is being erased.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Protocol

from django.utils import timezone

from customers.commerce import settling
from customers.commerce.records import LineSaid, OrderSaid, Outcome, ProductSaid, SubscriptionSaid
from customers.commerce.settling import Known, Settled
from customers.models import Customer, Order, OrderLine, Product, Subscription
from customers.models.commerce import Told
from customers.register import hold_customers
from customers.touched import touch
from portal import sets
from portal.models import Store

PORTION = 5_000
_BEFORE_ALL = datetime(1970, 1, 1, tzinfo=UTC)
_ALWAYS = ("store", "source", "external_id", "told_at", "created_at", "changed_at")
_PRODUCT = ("title", "category", "is_box")
_ORDER = (
    "customer", "number", "kind", "status", "placed_at", "currency", "subtotal", "discount", "total", "refunded",
    "discount_codes", "channel",
)  # fmt: skip
_LINE = ("product", "title", "quantity", "price", "discount", "is_subscription")
_SUBSCRIPTION = (
    "customer", "product", "title", "status", "quantity", "price", "currency", "interval_unit", "interval_count",
    "started_at", "cancelled_at", "cancellation_reason", "next_charge_on",
)  # fmt: skip


def write_products(store: Store, source: str, said: Sequence[ProductSaid]) -> list[Outcome]:
    """Write the products that `source` tells of; what became of each, in their order."""
    return _in_portions(said, lambda portion: _Products(store, source).write(portion))


def write_orders(store: Store, source: str, said: Sequence[OrderSaid]) -> list[Outcome]:
    """Write the orders with their lines, and have the metrics of those who placed them made anew; what became of each,
    in their order."""
    return _in_portions(said, lambda portion: _Orders(store, source).write(portion))


def write_subscriptions(store: Store, source: str, said: Sequence[SubscriptionSaid]) -> list[Outcome]:
    """Write the subscriptions, and have the metrics of those whose they are made anew; what became of each, in their
    order."""
    return _in_portions(said, lambda portion: _Subscriptions(store, source).write(portion))


def _in_portions(said: Sequence[Any], write: Callable[[Sequence[Any]], list[Outcome]]) -> list[Outcome]:
    outcomes: list[Outcome] = []
    for start in range(0, len(said), PORTION):
        outcomes += write(said[start : start + PORTION])
    return outcomes


class _Customers(Protocol):
    @property
    def customer_id(self) -> int: ...


class _Door:
    """What writing one kind of rows shares with the others."""

    model: type[Told]
    columns: tuple[str, ...]

    def __init__(self, store: Store, source: str) -> None:
        self.store, self.source = store, source
        self.now = timezone.now()
        self.products: dict[str, int] = {}

    def row(self, said: Any) -> tuple[Any, ...]:
        """The values of `columns`."""
        raise NotImplementedError

    def content(self, said: Any) -> tuple[Any, ...]:
        return self.row(said)

    def known(self, ids: Iterable[str]) -> dict[str, Known]:
        """External id → the row that is there."""
        rows = self.model.objects.for_store(self.store).filter(source=self.source, external_id__among=sorted(set(ids)))
        found = rows.values_list("external_id", "pk", "told_at", "changed_at", *self.columns)
        return {key: Known(pk, told, changed, tuple(content)) for key, pk, told, changed, *content in found}

    def save(self, settled: Settled[Any], known: dict[str, Known]) -> None:
        new = [
            (self.store.pk, self.source, one.external_id, one.told_at, self.now, self.now, *self.row(one))
            for one in settled.new
        ]
        if new:
            sets.load(self.model, (*_ALWAYS, *self.columns), new)
        changed_at = {row.pk: row.changed_at for row in known.values()}
        over = {pk: (one.told_at, self.now, *self.row(one)) for pk, one in settled.changed.items()}
        over |= {pk: (one.told_at, changed_at[pk], *self.row(one)) for pk, one in settled.retold.items()}
        sets.overwrite(self.model, ("told_at", "changed_at", *self.columns), over)

    def here(self, said: Iterable[_Customers]) -> set[int]:
        """Those of the customers named who are in the store."""
        named = sorted({one.customer_id for one in said})
        there = Customer.objects.for_store(self.store).filter(pk__among=named, erased_at=None)
        return set(there.values_list("pk", flat=True))

    def know_products(self, named: dict[str, str]) -> None:
        """Learn the numbers of the products named, external id → title, and add those that are not known. Of one that
        was only named nobody has said anything yet: whatever is said of it is newer."""
        self.products = self._numbers(named)
        unknown = [key for key in named if key not in self.products]
        if unknown:
            _Products(self.store, self.source).write(
                [ProductSaid(external_id=key, title=named[key] or key, told_at=_BEFORE_ALL) for key in unknown]
            )
            self.products |= self._numbers(unknown)

    def _numbers(self, ids: Iterable[str]) -> dict[str, int]:
        rows = Product.objects.for_store(self.store).filter(source=self.source, external_id__among=sorted(ids))
        return dict(rows.values_list("external_id", "pk"))


class _Products(_Door):
    model, columns = Product, _PRODUCT

    def write(self, said: Sequence[ProductSaid]) -> list[Outcome]:
        hold_customers(self.store)
        known = self.known(one.external_id for one in said)
        settled = settling.settle(said, known, self.content, complete=_completed)
        self.save(settled, known)
        return settled.outcomes

    def row(self, said: ProductSaid) -> tuple[Any, ...]:
        return (said.title, said.category or "", bool(said.is_box))


def _completed(said: ProductSaid, before: tuple[Any, ...] | None) -> ProductSaid:
    """With what was said before of that on which this word is silent."""
    _, category, is_box = before or ("", "", False)
    return replace(
        said,
        category=category if said.category is None else said.category,
        is_box=is_box if said.is_box is None else said.is_box,
    )


class _Orders(_Door):
    model, columns = Order, _ORDER

    def write(self, said: Sequence[OrderSaid]) -> list[Outcome]:
        hold_customers(self.store)
        here = self.here(said)
        kept = [one for one in said if one.customer_id in here]
        self.know_products({line.product: line.title for one in kept for line in one.lines if line.product})
        known = self.known(one.external_id for one in said)
        settled = settling.settle(said, known, self.content, refused=lambda one: one.customer_id not in here)
        self.save(settled, known)
        self._save_lines(settled)
        _touch(self.store, settled, known)
        return settled.outcomes

    def known(self, ids: Iterable[str]) -> dict[str, Known]:
        found = super().known(ids)
        lines: dict[int, list[tuple[Any, ...]]] = {row.pk: [] for row in found.values()}
        rows = OrderLine.objects.for_store(self.store).filter(order__among=list(lines)).order_by("order", "position")
        for order, *line in rows.values_list("order", *_LINE):
            lines[order].append(tuple(line))
        return {
            key: Known(row.pk, row.told_at, row.changed_at, (*row.content, tuple(lines[row.pk])))
            for key, row in found.items()
        }

    def row(self, said: OrderSaid) -> tuple[Any, ...]:
        return (
            said.customer_id, said.number, said.kind, said.status, said.placed_at, said.currency, said.subtotal,
            said.discount, said.total, said.refunded, said.discount_codes, said.channel,
        )  # fmt: skip

    def content(self, said: OrderSaid) -> tuple[Any, ...]:
        return (*self.row(said), tuple(self._line(line) for line in said.lines))

    def _line(self, line: LineSaid) -> tuple[Any, ...]:
        product = self.products[line.product] if line.product else None
        return (product, line.title, line.quantity, line.price, line.discount, line.is_subscription)

    def _save_lines(self, settled: Settled[OrderSaid]) -> None:
        orders = dict(settled.changed)
        if orders:
            sets.delete_matching(OrderLine.objects.for_store(self.store).filter(order__among=list(orders)))
        new = {one.external_id: one for one in settled.new}
        if new:
            rows = Order.objects.for_store(self.store).filter(source=self.source, external_id__among=list(new))
            orders |= {pk: new[key] for key, pk in rows.values_list("external_id", "pk")}
        sets.load(
            OrderLine,
            ("store", "order", "position", *_LINE),
            (
                (self.store.pk, pk, position, *self._line(line))
                for pk, one in orders.items()
                for position, line in enumerate(one.lines, start=1)
            ),
        )


class _Subscriptions(_Door):
    model, columns = Subscription, _SUBSCRIPTION

    def write(self, said: Sequence[SubscriptionSaid]) -> list[Outcome]:
        hold_customers(self.store)
        here = self.here(said)
        self.know_products({one.product: one.title for one in said if one.product and one.customer_id in here})
        known = self.known(one.external_id for one in said)
        settled = settling.settle(said, known, self.content, refused=lambda one: one.customer_id not in here)
        self.save(settled, known)
        _touch(self.store, settled, known)
        return settled.outcomes

    def row(self, said: SubscriptionSaid) -> tuple[Any, ...]:
        return (
            said.customer_id, self.products[said.product] if said.product else None, said.title, said.status,
            said.quantity, said.price, said.currency, said.interval_unit, said.interval_count, said.started_at,
            said.cancelled_at, said.cancellation_reason, said.next_charge_on,
        )  # fmt: skip


def _touch(store: Store, settled: Settled[Any], known: dict[str, Known]) -> None:
    """Those of whom something changed: whose the rows are, and whose they were."""
    whose = {one.customer_id for one in (*settled.new, *settled.changed.values())}
    whose |= {row.content[0] for row in known.values() if row.pk in settled.changed}
    touch(store, whose)
