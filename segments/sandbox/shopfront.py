"""What the stand-ins for Shopify and Recharge have sold for the demo's shop: to subscribers at both, to others at one
of them, and to customers of the portal who bought a present.

Everything has a fixed day of a fixed calendar, and what lies ahead has not happened yet: started on a later day, the
same orders are there, and some more.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from customers.sandbox import bodies
from customers.sandbox.bodies import Body
from customers.sandbox.recharge import RechargeSandbox
from segments.demo.names import draw_name
from segments.demo.people import Person
from segments.sandbox.selling import Sold

FIRST_DAY = datetime(2025, 1, 6, 15, tzinfo=UTC)
DAYS = 680
SUBSCRIBERS, AT_BOTH, PASSERS_BY, PRESENTS = 120, 50, 40, 60
"""Subscribers, those of them whose orders stand at Shopify too, who bought there once, and who is known already."""
_SEED = "4711 shopfront"
_WARES = (
    ("91001", "Roaster’s Choice", "Coffee", "16.50"),
    ("91002", "Two Teas a Month", "Tea", "19.00"),
    ("91003", "Sampler of Five", "Boxes", "28.00"),
)
_PRESENTS = (("91004", "Cold Brew Kit", "Equipment", "34.00"), ("91005", "Canvas Tote", "Gifts", "15.00"))
_REASONS = ("Too much coffee", "Too expensive", "Moving house", "Trying something else")
_CAME_BY: tuple[dict[str, Any], ...] = (
    {"landing_site": "/?utm_source=google&utm_medium=cpc&utm_campaign=beans"},
    {"landing_site": "/pages/cold-brew", "referring_site": "https://www.bing.com/"},
    {
        "note_attributes": [
            ("utm_source", "instagram"),
            ("utm_medium", "paid_social"),
            ("utm_campaign", "slow mornings"),
        ]
    },
    {"note_attributes": [("utm_source", "klaviyo"), ("utm_medium", "email")]},
    {"landing_site": "/", "referring_site": "https://coffee-blog.example/best-subscriptions"},
    {"landing_site": "/"},
)
_CURRENCY = {"currency": "USD", "presentment_currency": "USD"}
_SILENT: dict[str, Any] = {"landing_site": None, "referring_site": None}


@dataclass(frozen=True)
class Buyer:
    """Somebody who is new here: since when, what they get every so many days, until when, and how they came."""

    place: int
    first_name: str
    last_name: str
    email: str
    since: datetime
    ware: tuple[str, str, str, str]
    every: int
    ends_at: datetime | None
    reason: str
    came_by: dict[str, Any]
    skips: frozenset[int]

    @property
    def shopify_id(self) -> int:
        return 7_700_000_000_000 + self.place

    @property
    def recharge_id(self) -> int:
        return 180_000_000 + self.place

    def deliveries(self, now: datetime) -> Iterator[tuple[int, datetime]]:
        """The how manieth, and when; up to now, or to the end of the subscription."""
        place, at = 0, self.since
        while at <= min(now, self.ends_at or now):
            yield place, at
            place, at = place + 1, at + timedelta(days=self.every)


def buyers(now: datetime) -> list[Buyer]:
    """Those who had signed up by then; the same ones whenever it is asked."""
    rng = Random(_SEED)  # noqa: S311 - made-up people need no secret dice
    drawn = [_draw(rng, place) for place in range(SUBSCRIBERS + PASSERS_BY)]
    return [buyer for buyer in drawn if buyer.since <= now]


def _draw(rng: Random, place: int) -> Buyer:
    first_name, last_name, given, family = draw_name(rng)
    since = FIRST_DAY + timedelta(days=rng.randrange(DAYS), minutes=rng.randrange(600))
    every, ware = rng.choice((14, 28, 28, 42)), rng.choice(_WARES)
    stays = timedelta(days=every * rng.randrange(1, 14), hours=30)
    has_left, reason, came_by = rng.random() < 0.3, rng.choice(_REASONS), rng.choice(_CAME_BY)
    skips = frozenset(turn for turn in range(1, 60) if rng.random() < 0.08)
    email = f"{given}.{family}.{place}@web-shop.example"
    ends_at = since + stays if has_left else None
    return Buyer(place, first_name, last_name, email, since, ware, every, ends_at, reason, came_by, skips)


def furnish_shop(sold: Sold, known: list[Person], now: datetime) -> None:
    """Give Shopify's stand-in its customers and orders; `known` are customers of the portal."""
    for buyer in buyers(now):
        if AT_BOTH <= buyer.place < SUBSCRIBERS:
            continue
        person = _at_shopify(buyer.shopify_id, buyer.email, buyer.since, buyer.first_name, buyer.last_name)
        sold.put("customers", person)
        is_subscriber = buyer.place < AT_BOTH
        for turn, at in buyer.deliveries(now) if is_subscriber else ((0, buyer.since),):
            if turn not in buyer.skips:
                sold.put("orders", _order(buyer, person, turn, at, is_subscriber=is_subscriber))
    rng = Random(f"{_SEED} presents")  # noqa: S311
    old = [one for one in known if one.shopify_id and one.signed_up_at < FIRST_DAY and not one.is_tester]
    for place, one in enumerate(old[:: max(1, len(old) // PRESENTS)][:PRESENTS]):
        at = FIRST_DAY + timedelta(days=rng.randrange(DAYS), minutes=rng.randrange(600))
        person = _at_shopify(int(one.shopify_id), one.email, FIRST_DAY, one.first_name, one.last_name)
        sold.put("customers", person)
        if at <= now:
            line = _line(rng.choice(_PRESENTS))
            order = bodies.shopify_order(5_910_000_000_000 + place, person, at, line["price"], **_CURRENCY, **_SILENT)
            sold.put("orders", order | {"name": f"#P{1001 + place}", "line_items": [line]})


def _at_shopify(number: int, email: str, at: datetime, first_name: str, last_name: str) -> Body:
    return bodies.shopify_customer(number, email, at, first_name=first_name, last_name=last_name, tags="web shop")


def _line(ware: tuple[str, str, str, str], **more: Any) -> Body:
    number, title, sort, price = ware
    return bodies.shopify_line(int(number), title, price, product_type=sort, variant_title="", **more)


def _order(buyer: Buyer, person: Body, turn: int, at: datetime, *, is_subscriber: bool) -> Body:
    came_by = _SILENT if turn else buyer.came_by
    noted = [{"name": name, "value": value} for name, value in came_by.get("note_attributes", ())]
    plan = {"selling_plan_allocation": {"selling_plan": {"id": buyer.every}}} if is_subscriber else {}
    tags = f"Subscription {'Recurring' if turn else 'First'} Order" if is_subscriber else ""
    more = {**_CURRENCY, **_SILENT, **came_by, "note_attributes": noted, "tags": tags, "name": f"#{_code(buyer, turn)}"}
    line = _line(buyer.ware, **plan)
    return bodies.shopify_order(_shopify_order(buyer, turn), person, at, line["price"], **more, line_items=[line])


def _code(buyer: Buyer, turn: int) -> str:
    return f"W{1001 + buyer.place}-{1 + turn}"


def _shopify_order(buyer: Buyer, turn: int) -> int:
    return 5_900_000_000_000 + 1_000 * buyer.place + turn


def furnish_recharge(recharge: RechargeSandbox, now: datetime) -> None:
    """Give Recharge's stand-in its subscribers, with what they got and what they skipped."""
    for buyer in buyers(now):
        if buyer.place >= SUBSCRIBERS:
            continue
        names = {"first_name": buyer.first_name, "last_name": buyer.last_name}
        there = {"external_customer_id": {"ecommerce": str(buyer.shopify_id)}}
        person = bodies.recharge_customer(buyer.recharge_id, buyer.email, buyer.since, **names, **there)
        recharge.put("customers", person)
        recharge.put("subscriptions", _subscription(buyer, now))
        for turn, at in buyer.deliveries(now):
            number = 1_000 * buyer.place + turn
            if turn in buyer.skips:
                skipped = {"status": "skipped", "line_items": [_item(buyer)], **_CURRENCY}
                recharge.put("charges", bodies.recharge_charge(820_000_000 + number, person, at, **skipped))
            else:
                recharge.put("orders", _recharge_order(buyer, person, turn, at))


def _item(buyer: Buyer) -> Body:
    number, title, _, price = buyer.ware
    return bodies.recharge_line(int(number), title, price, purchase_item_id=410_000_000 + buyer.place, variant_title="")


def _recharge_order(buyer: Buyer, person: Body, turn: int, at: datetime) -> Body:
    there = _shopify_order(buyer, turn) if buyer.place < AT_BOTH else None
    price = buyer.ware[3]
    more = {
        "type": "recurring" if turn else "checkout", "line_items": [_item(buyer)], "subtotal_price": price,
        "total_line_items_price": price, "total_price": price, **_CURRENCY,
    }  # fmt: skip
    return bodies.recharge_order(690_000_000 + 1_000 * buyer.place + turn, person, at, there, **more)


def _subscription(buyer: Buyer, now: datetime) -> Body:
    number, title, _, price = buyer.ware
    *_, (_, last) = buyer.deliveries(now)
    ended = buyer.ends_at if buyer.ends_at and buyer.ends_at <= now else None
    due = last + timedelta(days=buyer.every)
    more: dict[str, Any] = {
        "price": price, "product_title": title, "variant_title": "", "order_interval_unit": "week",
        "external_product_id": {"ecommerce": number}, "order_interval_frequency": str(buyer.every // 7),
        "charge_interval_frequency": str(buyer.every // 7), "updated_at": bodies.instant(ended or last),
        "next_charge_scheduled_at": None if ended else due.date().isoformat(), "presentment_currency": "USD",
    }  # fmt: skip
    if ended:
        more |= {"status": "cancelled", "cancelled_at": bodies.instant(ended), "cancellation_reason": buyer.reason}
    return bodies.recharge_subscription(410_000_000 + buyer.place, buyer.recharge_id, buyer.since, **more)
