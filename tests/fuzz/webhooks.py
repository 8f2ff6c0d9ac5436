"""Webhooks of providers, bent by chance: each is refused, set aside with a reason, or read into what can be kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, is_dataclass
from datetime import datetime
from decimal import Decimal
from random import Random
from types import SimpleNamespace
from typing import Any

from customers.channels import Channel
from customers.commerce.records import Unkeepable
from customers.providers import receiving, recharge, shopify
from customers.providers.people import PersonSaid
from customers.providers.reading import Ignored, loads
from customers.providers.taking_in import FromRecharge, FromShopify
from customers.sandbox import bodies
from tests.fuzz.ingest import RECEIVED, bent, is_whole, read, written
from tests.fuzz.oracles import must

Body = dict[str, Any]
_ADA = bodies.shopify_customer(1, "ada@maple.example", RECEIVED, tags="vip, early", phone="+49 30 1234567")
_AT_RECHARGE = bodies.recharge_customer(1, "ada@maple.example", RECEIVED)
_TAGS = {"utm_params": [{"utm_source": "google", "utm_medium": "cpc"}]}
_LINE = bodies.shopify_line(
    discount_allocations=[{"amount": "1.50"}], properties=[{"name": "shipping_interval_frequency", "value": "2"}]
)
_BOUGHT = [
    bodies.shopify_order(5, _ADA, RECEIVED, refunds=[bodies.shopify_refund("3.00")], line_items=[_LINE]),
    bodies.shopify_order(6, None, RECEIVED, discount_codes=[{"code": "SPRING"}], tags="Subscription"),
]
SHOPIFY: dict[str, list[Body]] = {
    **{topic: [_ADA] for topic in shopify.CUSTOMER_TOPICS},
    **dict.fromkeys(shopify.ORDER_TOPICS, _BOUGHT),
    shopify.CUSTOMER_DELETED: [{"id": 1, "addresses": []}],
    shopify.DATA_REQUEST: [{"shop_domain": "maple.myshopify.com", "orders_requested": [5], "customer": {"id": 1}}],
    shopify.REDACT: [{"shop_domain": "maple.myshopify.com", "orders_to_redact": [5], "customer": {"id": 1}}],
    shopify.SHOP_REDACT: [{"shop_domain": "maple.myshopify.com", "shop_id": 1}],
}
_SUBSCRIBED = [
    bodies.recharge_subscription(3, 1, RECEIVED, analytics_data=_TAGS, properties=[{"name": "_rc_bundle"}]),
    bodies.recharge_subscription(4, 1, RECEIVED, status="cancelled", cancelled_at="2026-11-20T10:00:00"),
]
_ORDERED = [
    bodies.recharge_order(5, _AT_RECHARGE, RECEIVED, shopify_id=77, analytics_data=_TAGS),
    bodies.recharge_order(6, _AT_RECHARGE, RECEIVED, discounts=[{"code": "SPRING"}], total_refunds="5.00"),
]
_CHARGED = [bodies.recharge_charge(8, _AT_RECHARGE, RECEIVED, error_type="CARD_DECLINED")]
RECHARGE: dict[str, list[Body]] = {
    **{topic: [_AT_RECHARGE] for topic in recharge.CUSTOMER_TOPICS},
    **dict.fromkeys(recharge.SUBSCRIPTION_TOPICS, _SUBSCRIBED),
    **dict.fromkeys(recharge.ORDER_TOPICS, _ORDERED),
    **dict.fromkeys(recharge.CHARGE_TOPICS, _CHARGED),
    recharge.CUSTOMER_DELETED: [{"id": 1}],
    recharge.SUBSCRIPTION_DELETED: [{"id": 3}],
}


def webhook_of_shopify(rng: Random) -> tuple[str, bytes]:
    """Topic and body of one."""
    topic = rng.choice(list(SHOPIFY))
    return topic, written(rng, bent(rng, rng.choice(SHOPIFY[topic])))


def webhook_of_recharge(rng: Random) -> tuple[str, bytes]:
    topic = rng.choice(list(RECHARGE))
    return topic, written(rng, bent(rng, {topic.partition("/")[0]: rng.choice(RECHARGE[topic])}))


class _Basket:
    """Takes what is put in, as that of the providers does."""

    def __init__(self) -> None:
        self.store, self.has = SimpleNamespace(currency="EUR"), list[Any]()

    def person(self, place: int, said: Any) -> None:
        self.has.append(said)

    sale = subscribed = happened = person


def of_shopify(rng: Random) -> None:
    _try(FromShopify(), *webhook_of_shopify(rng))


def of_recharge(rng: Random) -> None:
    _try(FromRecharge(), *webhook_of_recharge(rng))


def _try(taking: FromShopify | FromRecharge, topic: str, data: bytes) -> None:
    found = read(data)
    if found is None:
        return
    must(len(receiving.dedupe_key(topic, found, data)) == 64, "known by something else than a digest")
    body = loads(data.decode())
    if taking.is_for_afterwards(topic):
        return
    baskets = _Basket(), _Basket()
    for basket in baskets:
        try:
            taking.put(basket, 0, topic, body)  # type: ignore[arg-type]
        except (Ignored, Unkeepable) as error:
            must(str(error), f"{data!r:.200} is of no use, and nobody is told why")
            must(not basket.has, f"{data!r:.200} is refused, and half of it taken")
            is_whole(str(error))
    must(baskets[0].has == baskets[1].has, f"{data!r:.200} is not read the same again")
    for said in baskets[0].has:
        _holds(said, data)


def _holds(said: Any, data: bytes) -> None:
    """What must be true of a record, whatever it was read from."""
    for field in fields(said):
        value = getattr(said, field.name)
        if is_dataclass(value):
            _holds(value, data)
        elif isinstance(value, tuple):
            for one in value:
                must(is_dataclass(one) or is_whole(one), f"{field.name} holds what no database does")
                if is_dataclass(one):
                    _holds(one, data)
        elif isinstance(value, datetime):
            must(value.tzinfo is not None, f"{field.name} has no zone")
            # Those of people are judged where people are brought in.
            must(isinstance(said, PersonSaid) or value.year >= 1900, f"{field.name} is {value}")
        elif isinstance(value, Decimal):
            must(0 <= value < 10**12, f"{field.name} is {value}")
            must(value == round(value, 3), f"{field.name} has {value}")
        elif isinstance(value, str | dict):
            must(is_whole(value), f"{field.name} holds what no database does: {data!r:.200}")
    if hasattr(said, "channel"):
        must(said.channel in ("", *Channel), f"the channel {said.channel!r}")


TARGETS: dict[str, Callable[[Random], None]] = {"webhooks of Shopify": of_shopify, "webhooks of Recharge": of_recharge}
