"""What one shopper bought: the deliveries of a subscription, those that were skipped, and now and then a gift."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from random import Random
from zoneinfo import ZoneInfo

from customers.channels import Channel
from customers.demo.catalogue import EXTRAS, GIFTS, Ware, main_ware
from customers.demo.shopper import Shopper
from customers.models import IntervalUnit, OrderKind, OrderStatus, SubscriptionStatus

REASONS = ("Too much coffee", "Too expensive", "Moving house", "Found another roaster", "Trying something else", "")
_SKIPPED_IN = (1, 1, 1, 1, 1.2, 1.8, 2.6, 2.6, 1, 1, 0.6, 0.5)
"""How much likelier a delivery of the month is to be skipped than others: people travel in summer."""
_SPENT_IN = (0.9, 0.95, 1, 1, 1, 0.95, 0.9, 0.9, 1, 1.05, 1.2, 1.4)
_SHIPPING = 650
_LATER_CHANNELS = ("", "", "", "", Channel.EMAIL, Channel.EMAIL, Channel.DIRECT, Channel.ORGANIC)


@dataclass(frozen=True, slots=True)
class Sale:
    """An order; money in whole cents."""

    at: datetime
    kind: str
    status: str
    lines: tuple[tuple[Ware, int, int, bool], ...]
    """What, how many, the discount on them, and whether by subscription."""
    total: int
    refunded: int = 0
    codes: str = ""
    channel: str = ""

    @property
    def subtotal(self) -> int:
        return sum(ware.price * count for ware, count, _, _ in self.lines)

    @property
    def discount(self) -> int:
        return sum(discount for _, _, discount, _ in self.lines)


@dataclass(frozen=True, slots=True)
class Contract:
    """A subscription."""

    ware: Ware
    quantity: int
    unit: str
    count: int
    started_at: datetime
    status: str
    cancelled_at: datetime | None
    reason: str
    next_on: date | None


@dataclass(frozen=True, slots=True)
class Bought:
    """All that a shopper bought, and the days whose deliveries were skipped."""

    sales: list[Sale]
    contract: Contract | None
    skipped: list[datetime]


def buy(rng: Random, shopper: Shopper, *, since: datetime, now: datetime, zone: ZoneInfo) -> Bought:
    """What the shopper bought from `since` on, up to `now`; as many orders as were placed, at what they came to."""
    slots = _slots(rng, shopper, now, zone)
    kept = _kept(rng, shopper, slots)
    amounts = _amounts(shopper, [slots[place] for place in kept])
    ware = main_ware(shopper.favourite, "build-a-box" in shopper.tags, rng)
    sales = []
    for number, (place, amount) in enumerate(zip(kept, amounts, strict=True)):
        if slots[place] >= since:
            sales.append(_sale(rng, shopper, slots[place], (ware, amount, number)))
    sales += _presents(rng, shopper, since=since, now=now, zone=zone)
    taken = set(kept)
    skipped = [at for place, at in enumerate(slots) if place not in taken and at >= since]
    contract = None if shopper.is_tester else _contract(rng, shopper, ware, slots, now)
    return Bought(sorted(sales, key=lambda sale: sale.at), contract, skipped)


def _slots(rng: Random, shopper: Shopper, now: datetime, zone: ZoneInfo) -> list[datetime]:
    """When a delivery was due: the sign-up, and one each so many days until the end."""
    end = min(datetime.combine(shopper.ends_on, time(), zone) if shopper.ends_on else now, now)
    first = shopper.signed_up_at.astimezone(zone)
    count = max(int((end - first).days / shopper.days_between), shopper.orders - 1)
    hours = timedelta(hours=3, minutes=rng.randrange(300))
    due = [first + timedelta(days=shopper.days_between * place) - hours for place in range(1, count + 1)]
    return [shopper.signed_up_at, *(at for at in due if first < at < end)]


def _kept(rng: Random, shopper: Shopper, slots: Sequence[datetime]) -> list[int]:
    """The places of the deliveries that were taken: the first, and the others but for those skipped."""
    surplus = len(slots) - shopper.orders
    dice = [(rng.random() ** (1 / _SKIPPED_IN[at.month - 1]), place) for place, at in enumerate(slots) if place]
    skipped = {place for _, place in sorted(dice, reverse=True)[: max(surplus, 0)]}
    return [place for place in range(len(slots)) if place not in skipped]


def _amounts(shopper: Shopper, times: Sequence[datetime]) -> list[int]:
    """What each order came to, more before the holidays; together in proportion to all that was spent."""
    weights = [_SPENT_IN[at.month - 1] for at in times]
    whole = shopper.spent * len(times) // max(shopper.orders, 1)
    return [max(900, int(whole * weight / sum(weights))) for weight in weights]


def _sale(rng: Random, shopper: Shopper, at: datetime, what: tuple[Ware, int, int]) -> Sale:
    """The delivery of that product, at about that amount; the how manieth it is."""
    ware, amount, number = what
    code, percent = _code(rng, shopper, at, number)
    fit = max(1, round((amount - _SHIPPING) / (ware.price * (100 - percent) / 100)))
    lines = [(ware, fit, ware.price * fit * percent // 100, not shopper.is_tester)]
    left = amount - ware.price * fit * (100 - percent) // 100
    extra = rng.choice(EXTRAS)
    if left > extra.price and rng.random() < 0.8:
        lines.append((extra, 1, 0, False))
    goods = sum(each.price * count - off for each, count, off, _ in lines)
    total = max(amount, goods)
    kind = OrderKind.CHECKOUT if not number else OrderKind.RECURRING
    if shopper.is_tester:
        kind = OrderKind.ONE_OFF
    channel = shopper.came_by if not number else rng.choice(_LATER_CHANNELS) if rng.random() < 0.2 else ""
    refunded = goods // 2 if number and rng.random() < 0.006 else 0
    status = OrderStatus.PARTIALLY_REFUNDED if refunded else OrderStatus.PAID
    return Sale(at, kind, status, tuple(lines), total, refunded, code, channel)


def _code(rng: Random, shopper: Shopper, at: datetime, number: int) -> tuple[str, int]:
    """A discount code and its per cent."""
    if not number and shopper.channel in ("paid social", "referral"):
        return ("WELCOME15", 15) if shopper.channel == "paid social" else ("FRIEND10", 10)
    if at.month == 11 and at.day >= 20 and rng.random() < 0.6:
        return "BLACKFRIDAY20", 20
    return ("COMEBACK10", 10) if number and rng.random() < 0.03 else ("", 0)


def _presents(rng: Random, shopper: Shopper, *, since: datetime, now: datetime, zone: ZoneInfo) -> list[Sale]:
    """Gifts before the holidays, beside the subscription; and an order in a hundred that came to nothing."""
    sales = []
    chance = 0.35 if "gift" in shopper.tags else 0.06
    for year in range(since.year, now.year + 1):
        at = datetime(year, 12, rng.randrange(1, 20), rng.randrange(9, 21), rng.randrange(60), tzinfo=zone)
        if not max(since, shopper.signed_up_at) < at < now or shopper.is_tester or rng.random() > chance:
            continue
        gift = rng.choice(GIFTS)
        came_to_nothing = rng.random() < 0.1
        status = OrderStatus.CANCELLED if came_to_nothing else OrderStatus.PAID
        lines = ((gift, 1 + (rng.random() < 0.2), 0, False),)
        total = lines[0][1] * gift.price + _SHIPPING
        sales.append(Sale(at, OrderKind.ONE_OFF, status, lines, total, total if came_to_nothing else 0, "", ""))
    return sales


def _contract(rng: Random, shopper: Shopper, ware: Ware, slots: Sequence[datetime], now: datetime) -> Contract:
    started_at = shopper.signed_up_at
    weeks = shopper.days_between // 7
    quantity = 6 if shopper.is_company else 1 + (rng.random() < 0.15)
    next_on = slots[-1].date() + timedelta(days=shopper.days_between)
    while next_on <= now.date():
        next_on += timedelta(days=shopper.days_between)
    if shopper.ends_on is None:
        is_paused = rng.random() < 0.05
        status = SubscriptionStatus.PAUSED if is_paused else SubscriptionStatus.ACTIVE
        return Contract(
            ware, quantity, IntervalUnit.WEEK, weeks, started_at, status, None, "", None if is_paused else next_on
        )
    end = datetime.combine(shopper.ends_on, time(10 + rng.randrange(9), rng.randrange(60)), started_at.tzinfo)
    return Contract(
        ware, quantity, IntervalUnit.WEEK, weeks, started_at, SubscriptionStatus.CANCELLED,
        min(max(end, started_at + timedelta(hours=1)), now - timedelta(minutes=5)), rng.choice(REASONS), None,
    )  # fmt: skip
