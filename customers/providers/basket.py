"""What a provider tells in one go, by webhooks or in a page of its history: gathered first, and written as sets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from customers.commerce import writing
from customers.commerce.records import OrderSaid, Outcome, ProductSaid, SubscriptionSaid
from customers.models import Order, OrderLine, WayIn
from customers.providers import recharge, shopify
from customers.providers.events import Did, write_events
from customers.providers.people import Brought, PersonSaid, bring
from customers.providers.recharge import AT_SHOPIFY, Happened, Subscribed
from customers.register import hold_customers
from customers.touched import touch
from portal import sets
from portal.models import Store

STANDS_AT_SHOPIFY = "It stands at Shopify too, whose word counts."


@dataclass(slots=True)
class Became:
    """What became of everything that was put in under one place; `reason` says why nothing could."""

    outcomes: list[Outcome] = field(default_factory=list)
    reason: str = ""

    @property
    def main(self) -> Outcome:
        for outcome in (Outcome.CREATED, Outcome.UPDATED, Outcome.UNCHANGED, Outcome.OLDER):
            if outcome in self.outcomes:
                return outcome
        return Outcome.GONE


@dataclass(slots=True)
class _Item:
    place: int
    person: PersonSaid
    order: OrderSaid | None = None
    subscription: SubscriptionSaid | None = None
    happened: Happened | None = None


class Basket:
    """Put in whatever is told, each under the place of what told it; then `write` it in the caller's transaction."""

    def __init__(self, store: Store, source: str, way_in: WayIn) -> None:
        self.store, self.source, self.way_in = store, source, way_in
        self._items: list[_Item] = []
        self._products: list[ProductSaid] = []
        self._became: dict[int, Became] = {}

    def person(self, place: int, said: PersonSaid) -> None:
        self._items.append(_Item(place, said))

    def sale(self, place: int, said: shopify.Sale | recharge.Sale) -> None:
        self._items.append(_Item(place, said.person, order=said.order))
        self._products += said.products

    def subscribed(self, place: int, said: Subscribed) -> None:
        self._items.append(_Item(place, said.person, subscription=said.subscription))
        self._products += said.products

    def happened(self, place: int, said: Happened) -> None:
        self._items.append(_Item(place, said.person, happened=said))

    def write(self) -> dict[int, Became]:
        """Place → what became of it."""
        hold_customers(self.store)
        brought = bring(self.store, self.source, [item.person for item in self._items])
        here = [(item, who.customer_id) for item, who in zip(self._items, brought, strict=True)]
        for item, who in zip(self._items, brought, strict=True):
            self._note(item, who)
        writing.write_products(self.store, self.source, self._products)
        self._write_orders([(item, pk) for item, pk in here if item.order and pk])
        self._write_subscriptions([(item, pk) for item, pk in here if item.subscription and pk])
        self._write_events([(item, pk) for item, pk in here if item.happened and pk])
        return self._became

    def _at(self, item: _Item) -> Became:
        return self._became.setdefault(item.place, Became())

    def _note(self, item: _Item, who: Brought) -> None:
        became = self._at(item)
        if who.customer_id is None:
            became.reason = became.reason or who.reason
        elif not (item.order or item.subscription or item.happened):
            became.outcomes.append(who.outcome)

    def _write_orders(self, items: Sequence[tuple[_Item, int]]) -> None:
        elsewhere = self._at_shopify(item.order.external_id for item, _ in items if item.order)
        for item, _ in items:
            if item.order and item.order.external_id in elsewhere:
                self._at(item).outcomes.append(Outcome.UNCHANGED)
        mine = [(item, pk) for item, pk in items if item.order and item.order.external_id not in elsewhere]
        said = [replace(item.order, customer_id=pk) for item, pk in mine if item.order]
        self._told(mine, writing.write_orders(self.store, self.source, said))
        if self.source == shopify.SOURCE:
            self._give_up([one.external_id for one in said])

    def _at_shopify(self, ids: Any) -> set[str]:
        """Of Recharge's orders, those that Shopify has told of."""
        named = {one: one.removeprefix(AT_SHOPIFY) for one in ids if one.startswith(AT_SHOPIFY)}
        if self.source != recharge.SOURCE or not named:
            return set()
        orders = Order.objects.for_store(self.store).filter(source=shopify.SOURCE)
        there = set(orders.filter(external_id__among=sorted(named.values())).values_list("external_id", flat=True))
        return {one for one, number in named.items() if number in there}

    def _give_up(self, numbers: Sequence[str]) -> None:
        """What Recharge said of orders that Shopify tells of now."""
        named = [f"{AT_SHOPIFY}{number}" for number in numbers]
        twins = Order.objects.for_store(self.store).filter(source=recharge.SOURCE, external_id__among=named)
        found = dict(twins.values_list("pk", "customer")) if named else {}
        if found:
            sets.delete_matching(OrderLine.objects.for_store(self.store).filter(order__among=list(found)))
            sets.delete_matching(Order.objects.for_store(self.store).filter(pk__among=list(found)))
            touch(self.store, found.values())

    def _write_subscriptions(self, items: Sequence[tuple[_Item, int]]) -> None:
        said = [replace(item.subscription, customer_id=pk) for item, pk in items if item.subscription]
        self._told(items, writing.write_subscriptions(self.store, self.source, said))

    def _write_events(self, items: Sequence[tuple[_Item, int]]) -> None:
        did = [
            Did(pk, item.happened.name, item.happened.at, item.happened.key, item.happened.properties)
            for item, pk in items
            if item.happened
        ]
        self._told(items, write_events(self.store, self.source, self.way_in, did))

    def _told(self, items: Sequence[tuple[_Item, int]], outcomes: Sequence[Outcome]) -> None:
        for (item, _), outcome in zip(items, outcomes, strict=True):
            self._at(item).outcomes.append(outcome)
