"""What is read of a provider, one kind of thing after the other, and how a page of each is asked for and put away."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from customers.commerce.records import Unkeepable
from customers.models import WayIn, WayInKind
from customers.providers import recharge, shopify_pages
from customers.providers.accounts import Credentials
from customers.providers.basket import Basket
from customers.providers.reading import Ignored, word
from customers.providers.recharge_api import PACE as RECHARGE_PACE
from customers.providers.recharge_api import RechargeApi
from customers.providers.shopify_api import PACE as SHOPIFY_PACE
from customers.providers.shopify_api import ShopifyApi
from portal.outbound import Pace

Rows = Sequence[Any]


@dataclass(frozen=True)
class Walk:
    """A kind of thing: what staff call it, how its next page is asked for (with the time since when, None for all of
    it, and the cursor), and how one of its rows is put into a basket, which raises Ignored and Unkeepable."""

    name: str
    page: Callable[[Any, datetime | None, str | None], tuple[Rows, str | None]]
    put: Callable[[Basket, int, Mapping[str, Any]], None]


@dataclass(frozen=True)
class Tour:
    """All that is read of a provider: its label, the pace that its account is asked at, and the walks in their order:
    people before what they buy."""

    label: str
    pace: Pace
    open: Callable[[WayIn, Credentials], Any]
    walks: tuple[Walk, ...]


def put_all(walk: Walk, basket: Basket, rows: Rows) -> int:
    """Put the rows into the basket, each under its place; how many were of no use."""
    useless = 0
    for place, row in enumerate(rows):
        try:
            if not isinstance(row, dict):
                raise Ignored("It is no object.")
            walk.put(basket, place, row)
        except (Ignored, Unkeepable):
            useless += 1
    return useless


def _since(at: datetime | None) -> dict[str, str]:
    # Recharge takes a time without a zone for its own; one in UTC says so.
    return {} if at is None else {"updated_at_min": at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S+00:00")}


def _recharge_page(name: str) -> Callable[[RechargeApi, datetime | None, str | None], tuple[Rows, str | None]]:
    return lambda api, since, cursor: api.page(name, _since(since), cursor)


def _put_subscription(basket: Basket, place: int, row: Mapping[str, Any]) -> None:
    subscribed = recharge.subscription(row, basket.store.currency)
    basket.subscribed(place, subscribed)
    ended = recharge.happening("subscription/cancelled", row, subscribed.subscription)
    if ended is not None:
        basket.happened(place, ended)


def _put_charge(basket: Basket, place: int, row: Mapping[str, Any]) -> None:
    """Of charges only skips are of use here: those from before the webhooks, which tell of skips themselves."""
    if word(row, "status").lower() != "skipped" or recharge.told_at(row) >= basket.way_in.created_at:
        return
    for happened in recharge.skipped(row):
        basket.happened(place, happened)


TOURS: dict[WayInKind, Tour] = {
    WayInKind.RECHARGE: Tour(
        "Recharge",
        RECHARGE_PACE,
        lambda _, given: RechargeApi(given.token),
        (
            Walk("customers", _recharge_page("customers"), lambda b, at, row: b.person(at, recharge.customer(row))),
            Walk("subscriptions", _recharge_page("subscriptions"), _put_subscription),
            Walk("orders", _recharge_page("orders"), lambda b, at, row: b.sale(at, recharge.order(row))),
            Walk("charges", _recharge_page("charges"), _put_charge),
        ),
    ),
    WayInKind.SHOPIFY: Tour(
        "Shopify",
        SHOPIFY_PACE,
        lambda way_in, given: ShopifyApi(
            way_in.account, given.token, asked_for="this", scopes="the scopes read_customers and read_orders"
        ),
        (
            Walk("customers", shopify_pages.customers, lambda b, at, row: b.person(at, shopify_pages.customer(row))),
            Walk("orders", shopify_pages.orders, lambda b, at, row: b.sale(at, shopify_pages.sale(row))),
        ),
    ),
}
