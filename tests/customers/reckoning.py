"""The metrics of one customer, reckoned in plain Python from what happened: what the statement is held to."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from customers.activity_names import FEATURE, LOGIN, OF_SUBSCRIPTIONS, PAUSED, SKIPPED
from customers.channels import channel_of
from customers.metrics.frame import Thresholds
from customers.models import Customer, Event, Order, OrderLine, Subscription
from portal.models import Store

MAIL = ("Email Opened", "Email Clicked")
DAYS_OF = {"day": 1, "week": 7, "month": 30, "year": 365}
IN_A_MONTH = {"day": Decimal("30.4375"), "week": Decimal("4.348214"), "month": Decimal(1), "year": Decimal("0.083333")}


@dataclass
class History:
    """All that a store has of a customer."""

    customer: Customer
    orders: list[Order]
    lines: list[OrderLine]
    subscriptions: list[Subscription]
    events: list[Event]

    @classmethod
    def of(cls, customer: Customer) -> History:
        store, mine = customer.store, {"customer": customer}
        orders = list(Order.objects.for_store(store).filter(**mine).order_by("pk"))
        lines = OrderLine.objects.for_store(store).filter(order__in=orders).select_related("order", "product")
        subscriptions = Subscription.objects.for_store(store).filter(**mine).select_related("product").order_by("pk")
        events = Event.objects.for_store(store).filter(**mine).order_by("occurred_at", "pk")
        return cls(customer, orders, list(lines.order_by("pk")), list(subscriptions), list(events))


def reckon(history: History, store: Store, today: date, limits: Thresholds, cuts: dict[str, Any]) -> dict[str, Any]:
    bought = of_orders(history, store, limits)
    found = bought | of_subscriptions(history, store, limits) | of_events(history, store, today)
    found |= {"customer_since": history.customer.signed_up_at, "acquisition_channel": channel(history)}
    return found | scores(bought, store, cuts)


def places(number: Any, count: int) -> Decimal:
    return Decimal(str(number)).quantize(Decimal(1).scaleb(-count), ROUND_HALF_UP)


def of_orders(history: History, store: Store, limits: Thresholds) -> dict[str, Any]:
    orders = [order for order in history.orders if order.status in ("paid", "partially_refunded")]
    own = [order for order in orders if order.currency == store.currency]
    days = sorted({store.day(order.placed_at) for order in orders})
    spent = sum((order.total - order.refunded for order in own), Decimal(0))
    listed, taken_off = sum(order.subtotal for order in own), sum(order.discount for order in own)
    share = places(taken_off / listed, 4) if listed > 0 else None
    responsive = share is not None and float(share) >= limits.discount_responsive_from
    return {
        "orders_count": len(orders),
        "order_days": len(days),
        "total_spent": Decimal(0) if not orders else spent if own else None,
        "average_order_value": places(spent / len(own), 3) if own else None,
        "first_order_at": min((order.placed_at for order in orders), default=None),
        "last_order_at": max((order.placed_at for order in orders), default=None),
        "usual_gap_days": places(Decimal((days[-1] - days[0]).days) / (len(days) - 1), 1) if len(days) > 1 else None,
        "discount_share": share,
        "price_behaviour": "" if share is None else "discount_responsive" if responsive else "full_price",
        "preferred_category": favourite(history),
    }


def favourite(history: History) -> str:
    counted = [line for line in history.lines if line.order.status in ("paid", "partially_refunded")]
    known: list[Any] = [line for line in counted if line.product and line.product.category]
    pieces: Counter[str] = Counter()
    for line in known:
        pieces[line.product.category] += line.quantity

    def rank(category: str) -> Any:
        mine = [line for line in known if line.product.category == category]
        return pieces[category], max(line.order.placed_at for line in mine), -min(line.pk for line in mine)

    return max(pieces, key=rank) if pieces else ""


def of_subscriptions(history: History, store: Store, limits: Thresholds) -> dict[str, Any]:
    active = [row for row in history.subscriptions if row.status == "active"]
    cancelled = [row for row in history.subscriptions if row.status == "cancelled"]
    own = [row for row in active if row.currency == store.currency]
    monthly = None
    if own:
        monthly = places(
            sum(row.price * row.quantity * IN_A_MONTH[row.interval_unit] / row.interval_count for row in own), 3
        )
    products = {row.product_id or row.title for row in active}
    told = [row for row in cancelled if row.cancellation_reason]
    told.sort(
        key=lambda row: (row.cancelled_at is not None, row.cancelled_at or row.started_at, row.started_at, row.pk)
    )
    names = Counter(event.name for event in history.events)
    is_told = any(names[name] for name in OF_SUBSCRIPTIONS)
    return {
        "active_subscriptions": len(active),
        "active_products": len(products),
        "monthly_price": monthly,
        "plan_tier": tier(monthly, limits),
        "delivery_interval_days": min(
            (DAYS_OF[row.interval_unit] * row.interval_count for row in active), default=None
        ),
        "assortment": assortment(active, products),
        "subscribed_since": min((row.started_at for row in history.subscriptions), default=None),
        "next_charge_on": min((row.next_charge_on for row in active if row.next_charge_on), default=None),
        "cancels": len(cancelled),
        "last_cancelled_at": max((row.cancelled_at for row in cancelled if row.cancelled_at), default=None),
        "last_cancellation_reason": told[-1].cancellation_reason if told else "",
        "skips": names[SKIPPED] if is_told else None,
        "pauses": names[PAUSED] if is_told else None,
    }


def tier(monthly: Decimal | None, limits: Thresholds) -> str:
    if monthly is None:
        return ""
    return "premium" if monthly >= limits.premium_from else "mid" if monthly >= limits.mid_from else "entry"


def assortment(active: list[Subscription], products: set[Any]) -> str:
    if any(row.product and row.product.is_box for row in active):
        return "box"
    return "several" if len(products) > 1 else "single" if active else ""


def of_events(history: History, store: Store, today: date) -> dict[str, Any]:
    starts = {
        span: datetime.combine(today - timedelta(days=int(span[:-1]) - 1), time.min, tzinfo=store.zone)
        for span in ("7d", "30d", "90d")
    }
    there = [event for event in history.events if event.name not in (*MAIL, *OF_SUBSCRIPTIONS)]
    there = [event for event in there if not event.name.startswith("$")]
    lately = [event for event in there if event.occurred_at >= starts["90d"]]
    logins = [event.occurred_at for event in history.events if event.name == LOGIN]
    mails = [event for event in history.events if event.name in MAIL]
    features = {
        event.properties.get("feature") or (event.name == FEATURE and event.properties.get("name")) for event in lately
    }
    found: dict[str, Any] = {
        "last_seen_at": max((event.occurred_at for event in there), default=None),
        "last_login_at": max(logins, default=None),
        "features_used_90d": len(features - {None, False, ""}) if there else None,
    }
    for name, word in zip(MAIL, ("opened", "clicked"), strict=True):
        some = [event for event in mails if event.name == name and event.occurred_at >= starts["90d"]]
        found[f"emails_{word}_90d"] = len(some) if mails else None
    sessions, seconds = Counter[str](), Counter[str]()
    for before, event in zip([None, *lately], lately, strict=False):
        for span in (span for span, start in starts.items() if event.occurred_at >= start):
            if before is not None and goes_on(before, event):
                seconds[span] += (event.occurred_at - before.occurred_at).total_seconds()  # type: ignore[assignment]
            else:
                sessions[span] += 1
    for span, start in starts.items():
        found[f"logins_{span}"] = sum(at >= start for at in logins) if logins else None
        found[f"sessions_{span}"] = sessions[span] if there else None
        found[f"session_minutes_{span}"] = places(Decimal(seconds[span]) / 60, 1) if there else None
    return found


def goes_on(before: Event, event: Event) -> bool:
    if before.session_id is not None and event.session_id is not None:
        return before.session_id == event.session_id
    return event.occurred_at - before.occurred_at <= timedelta(minutes=30)


def channel(history: History) -> str:
    if history.customer.acquisition_channel:
        return history.customer.acquisition_channel
    touches = [(order.placed_at, 0, order.pk, order.channel) for order in history.orders if order.channel]
    for event in history.events:
        said = event.properties.get("$campaign", {})
        word = str(channel_of(source=said.get("source", ""), medium=said.get("medium", ""))) if said else ""
        if word:
            touches.append((event.occurred_at, 1, event.pk, word))
    return min(touches)[3] if touches else ""


def scores(bought: dict[str, Any], store: Store, cuts: dict[str, Any]) -> dict[str, Any]:
    last = bought["last_order_at"]
    looked_at: dict[str, Any] = {
        "recency": store.day(last).isoformat() if last else None,
        "frequency": bought["orders_count"] or None,
        "monetary": bought["total_spent"] if bought["orders_count"] else None,
    }
    found: dict[str, Any] = {}
    for name, value in looked_at.items():
        limits = [Decimal(cut) if name == "monetary" else cut for cut in cuts.get(name, [])]
        found[f"{name}_score"] = 1 + sum(value > cut for cut in limits) if limits and value is not None else None
    return found | {"rfm_group": group(found, bought["orders_count"])}


GRID = {
    5: "NEW PROMISING ACTIVE CHAMPIONS CHAMPIONS",
    4: "NEW PROMISING ACTIVE LOYAL LOYAL",
    3: "ALMOST_LOST NEEDS_ATTENTION NEEDS_ATTENTION ACTIVE LOYAL",
    2: "DORMANT ALMOST_LOST AT_RISK AT_RISK AT_RISK",
    1: "DORMANT DORMANT DORMANT PREVIOUSLY_LOYAL PREVIOUSLY_LOYAL",
}


def group(found: dict[str, Any], orders: int) -> str:
    if not orders:
        return "PROSPECTS"
    recency, frequency, monetary = (found[f"{name}_score"] for name in ("recency", "frequency", "monetary"))
    if None in (recency, frequency, monetary):
        return ""
    return GRID[recency].split()[(frequency + monetary + 1) // 2 - 1]
