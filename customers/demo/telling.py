"""Writing what the shoppers of a shop bought and did."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from hashlib import sha256
from random import Random
from typing import Any

from customers.demo.buying import Bought, Contract, Sale, buy
from customers.demo.catalogue import CATALOGUE
from customers.demo.doing import Deed, do
from customers.demo.shopper import Shopper
from customers.demo.sources import Sources
from customers.models import Event, EventTime, Order, OrderLine, Product, Subscription
from customers.models.activity import DIGEST_LENGTH
from portal import sets
from portal.models import Store

SOURCE = "demo"
YEARS = timedelta(days=730)
_TOLD = ("store", "source", "external_id", "told_at", "created_at", "changed_at")
_PRODUCT = (*_TOLD, "title", "category", "is_box")
_ORDER = (
    *_TOLD, "customer", "number", "kind", "status", "placed_at", "currency", "subtotal", "discount", "total",
    "refunded", "discount_codes", "channel",
)  # fmt: skip
_LINE = ("store", "order", "position", "product", "title", "quantity", "price", "discount", "is_subscription")
_SUBSCRIPTION = (
    *_TOLD, "customer", "product", "title", "status", "quantity", "price", "currency", "interval_unit",
    "interval_count", "started_at", "cancelled_at", "cancellation_reason", "next_charge_on",
)  # fmt: skip
_EVENT = (
    "store", "customer", "visitor", "name", "occurred_at", "received_at", "time_is", "session_id", "properties",
    "message_key", "way_in",
)  # fmt: skip


@dataclass(frozen=True)
class Told:
    """How much was written."""

    orders: int
    subscriptions: int
    events: int


def tell(store: Store, shoppers: Sequence[Shopper], now: datetime) -> Told:
    """Write two years of what the shoppers bought and did up to `now`. The same shoppers do the same, whenever."""
    telling = _Telling(store, now, Sources(store, now))
    telling.sell()
    lives = [telling.live(place, shopper) for place, shopper in enumerate(shoppers)]
    orders = [(shopper, sale) for shopper, bought, _ in lives for sale in bought.sales]
    orders.sort(key=lambda order: order[1].at)
    contracts = [(shopper, bought.contract) for shopper, bought, _ in lives if bought.contract]
    told = Told(
        telling.write_orders(orders),
        sets.load(Subscription, _SUBSCRIPTION, (telling.subscription(*row) for row in enumerate(contracts))),
        sets.load(Event, _EVENT, telling.events([(shopper, deed) for shopper, _, deeds in lives for deed in deeds])),
    )
    telling.sources.count()
    sets.refresh_statistics(Product, Order, OrderLine, Subscription, Event)
    return told


class _Telling:
    def __init__(self, store: Store, now: datetime, sources: Sources) -> None:
        self.store, self.now, self.products, self.sources = store, now, dict[str, int](), sources

    def sell(self) -> None:
        """Write the catalogue."""
        at = self.now - YEARS
        rows = [(*self._told(ware.number, at), ware.title, ware.category, ware.is_box) for ware in CATALOGUE]
        sets.load(Product, _PRODUCT, rows)
        found = Product.objects.for_store(self.store).filter(source=SOURCE)
        self.products = dict(found.values_list("external_id", "pk"))

    def live(self, place: int, shopper: Shopper) -> tuple[Shopper, Bought, list[Deed]]:
        rng = Random(f"deeds {self.store.slug} {place}")  # noqa: S311 - a made-up life needs no secret dice
        bought = buy(rng, shopper, since=self.now - YEARS, now=self.now, zone=self.store.zone)
        return shopper, bought, do(rng, shopper, bought, now=self.now)

    def _told(self, number: str, at: datetime) -> tuple[Any, ...]:
        return self.store.pk, SOURCE, number, at, at, at

    def write_orders(self, orders: Sequence[tuple[Shopper, Sale]]) -> int:
        written = sets.load(Order, _ORDER, (self._order(*row) for row in enumerate(orders)))
        found = Order.objects.for_store(self.store).filter(source=SOURCE)
        numbers = dict(found.values_list("external_id", "pk"))
        sets.load(OrderLine, _LINE, self._lines(orders, numbers))
        return written

    def _order(self, place: int, order: tuple[Shopper, Sale]) -> tuple[Any, ...]:
        shopper, sale = order
        return (
            *self._told(_order_id(place), sale.at), shopper.customer_id, f"#{1001 + place}", sale.kind, sale.status,
            sale.at, self.store.currency, _money(sale.subtotal), _money(sale.discount), _money(sale.total),
            _money(sale.refunded), sale.codes, sale.channel,
        )  # fmt: skip

    def _lines(self, orders: Sequence[tuple[Shopper, Sale]], numbers: dict[str, int]) -> Iterator[tuple[Any, ...]]:
        for place, (_, sale) in enumerate(orders):
            order = numbers[_order_id(place)]
            for position, (ware, count, discount, is_subscription) in enumerate(sale.lines, 1):
                yield (
                    self.store.pk, order, position, self.products[ware.number], ware.title, count,
                    _money(ware.price), _money(discount), is_subscription,
                )  # fmt: skip

    def subscription(self, place: int, row: tuple[Shopper, Contract]) -> tuple[Any, ...]:
        shopper, contract = row
        told_at = contract.cancelled_at or contract.started_at
        return (
            *self._told(str(60_000_000 + place), told_at), shopper.customer_id, self.products[contract.ware.number],
            contract.ware.title, contract.status, contract.quantity, _money(contract.ware.price),
            self.store.currency, contract.unit, contract.count, contract.started_at, contract.cancelled_at,
            contract.reason, contract.next_on,
        )  # fmt: skip

    def events(self, deeds: Sequence[tuple[Shopper, Deed]]) -> Iterator[tuple[Any, ...]]:
        for place, (shopper, deed) in enumerate(deeds):
            session = int(deed.session.timestamp() * 1000) if deed.session else None
            key = sha256(f"demo {self.store.slug} {place}".encode()).hexdigest()[:DIGEST_LENGTH]
            yield (
                self.store.pk, shopper.customer_id, "", deed.name, deed.at, deed.at,
                EventTime.AS_SENT, session, deed.properties, key, self.sources.of(deed),
            )  # fmt: skip


def _order_id(place: int) -> str:
    return str(5_400_000_000 + place)


@lru_cache(maxsize=20_000)
def _money(cents: int) -> Decimal:
    return Decimal(cents).scaleb(-2)
