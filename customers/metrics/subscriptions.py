"""What the subscriptions of a customer tell."""

from __future__ import annotations

from decimal import Decimal
from functools import partial
from typing import Any

from django.db.models import Case, Count, Expression, F, Max, Min, Q, QuerySet, Sum, Value, When, Window
from django.db.models.functions import Cast, Coalesce, RowNumber
from django.db.models.lookups import GreaterThan, GreaterThanOrEqual, IsNull

from customers.metrics.frame import Frame
from customers.metrics.metric import (
    DAY,
    INSTANT,
    MONEY,
    WHOLE,
    WORD,
    Group,
    Kind,
    Metric,
    of,
    only_if,
    or_empty,
    or_none,
    ratio,
    to_cents,
)
from customers.models import Assortment, IntervalUnit, PlanTier, Subscription, SubscriptionStatus
from portal.sets import Part, Rows

DAYS_OF = {IntervalUnit.DAY: 1, IntervalUnit.WEEK: 7, IntervalUnit.MONTH: 30, IntervalUnit.YEAR: 365}
"""For how many days a unit stands where intervals of several are compared."""
A_MONTH_OF = {
    IntervalUnit.DAY: Decimal("30.4375"),
    IntervalUnit.WEEK: Decimal("4.348214"),
    IntervalUnit.MONTH: Decimal(1),
    IntervalUnit.YEAR: Decimal("0.083333"),
}
"""How many of a unit a month has."""

_subscriptions, _reason, _activity = of("subscriptions"), of("reason"), of("activity")
ACTIVE, PRODUCTS = _subscriptions("actives", WHOLE), _subscriptions("products", WHOLE)
MONTHLY = to_cents(_subscriptions("monthly", MONEY))


def parts(frame: Frame) -> dict[str, Part]:
    return {"subscriptions": Rows(_subscribed(frame), "customer_id"), "reason": Rows(_reasons(frame), "customer_id")}


def _by_unit(values: dict[IntervalUnit, Any], output_field: Any) -> Case:
    whens = [When(interval_unit=unit, then=Value(value, output_field)) for unit, value in values.items()]
    return Case(*whens, default=Value(None), output_field=output_field)


def _subscribed(frame: Frame) -> QuerySet[Any, Any]:
    active = Q(status=SubscriptionStatus.ACTIVE)
    cancelled = Q(status=SubscriptionStatus.CANCELLED)
    month = ratio(F("price") * F("quantity") * _by_unit(A_MONTH_OF, MONEY), "interval_count")
    known = frame.rows(Subscription).annotate(
        what=Coalesce(Cast("product_id", WORD), F("title"), output_field=WORD),
        days=_by_unit(DAYS_OF, WHOLE) * F("interval_count"),
    )
    return known.values("customer_id").annotate(
        actives=Count("pk", filter=active),
        products=Count("what", filter=active, distinct=True),
        boxes=Count("pk", filter=active & Q(product__is_box=True)),
        monthly=Sum(month, filter=active & Q(currency=frame.store.currency), output_field=MONEY),
        shortest=Min("days", filter=active),
        began=Min("started_at"),
        next_charge=Min("next_charge_on", filter=active),
        cancels=Count("pk", filter=cancelled),
        last_cancelled=Max("cancelled_at", filter=cancelled),
    )


def _reasons(frame: Frame) -> QuerySet[Any, Any]:
    told = frame.rows(Subscription).filter(status=SubscriptionStatus.CANCELLED).exclude(cancellation_reason="")
    order: Any = (F("cancelled_at").desc(nulls_last=True), F("started_at").desc(), F("pk").desc())
    place = Window(RowNumber(), partition_by=F("customer_id"), order_by=order)
    return told.annotate(place=place).filter(place=1).values("customer_id", "cancellation_reason")


def _tier(frame: Frame) -> Expression:
    limits = frame.thresholds
    return Case(
        When(GreaterThanOrEqual(MONTHLY, Value(limits.premium_from, MONEY)), then=Value(PlanTier.PREMIUM.value)),
        When(GreaterThanOrEqual(MONTHLY, Value(limits.mid_from, MONEY)), then=Value(PlanTier.MID.value)),
        When(IsNull(MONTHLY, False), then=Value(PlanTier.ENTRY.value)),
        default=Value("", WORD),
        output_field=WORD,
    )


def _assortment(frame: Frame) -> Expression:
    return Case(
        When(GreaterThan(_subscriptions("boxes", WHOLE), Value(0)), then=Value(Assortment.BOX.value)),
        When(GreaterThan(PRODUCTS, Value(1)), then=Value(Assortment.SEVERAL.value)),
        When(GreaterThan(ACTIVE, Value(0)), then=Value(Assortment.SINGLE.value)),
        default=Value("", WORD),
        output_field=WORD,
    )


def _events(name: str) -> Any:
    """A count of events, known of those of whose subscriptions any event ever came."""
    is_known = GreaterThan(_activity("of_subscriptions", WHOLE), Value(0))
    return only_if(is_known, _activity(name, WHOLE), WHOLE)


_metric = partial(Metric, group=Group.SUBSCRIPTIONS, needs="subscriptions")
_EVENT = "Events of that name; not known of those of whose subscriptions no event ever came."
METRICS: tuple[Metric, ...] = (
    _metric("active_subscriptions", "Active subscriptions", Kind.WHOLE, "How many subscriptions run.",
            "Subscriptions in the state active; paused ones are not.", or_none(ACTIVE)),
    _metric("active_products", "Subscribed products", Kind.WHOLE, "How many different products are subscribed to.",
            "Products of the active subscriptions; where the product is not known, titles.",
            or_none(PRODUCTS)),
    _metric("monthly_price", "Monthly price", Kind.MONEY, "What the active subscriptions cost in a month.",
            "Price × quantity of each, by its interval; a month has 30.4375 days. Store's currency only.",
            MONTHLY),
    _metric("plan_tier", "Plan tier", Kind.WORD, "Entry, mid or premium.",
            "The monthly price, by the store's own limits.", _tier),
    _metric("delivery_interval_days", "Delivery interval", Kind.DAYS, "How often something is delivered.",
            "The shortest interval of the active subscriptions; a month counts 30 days, a year 365.",
            _subscriptions("shortest", WHOLE)),
    _metric("assortment", "Single product or box", Kind.WORD, "What kind of plan it is.",
            "A box where an active subscription is to a build-a-box product, else by the number of products.",
            _assortment),
    _metric("subscribed_since", "Subscribed first", Kind.INSTANT, "When the first subscription began.",
            "The earliest start of any subscription.", _subscriptions("began", INSTANT)),
    _metric("next_charge_on", "Next charge", Kind.DATE, "When money is taken next.",
            "The earliest next charge of the active subscriptions.",
            _subscriptions("next_charge", DAY)),
    _metric("skips", "Skips", Kind.WHOLE, "How often a delivery was skipped.", _EVENT, _events("skips")),
    _metric("pauses", "Pauses", Kind.WHOLE, "How often a subscription was paused.", _EVENT, _events("pauses")),
    _metric("cancels", "Cancels", Kind.WHOLE, "How many subscriptions were cancelled, and are so now.",
            "Subscriptions in the state cancelled.", or_none(_subscriptions("cancels", WHOLE))),
    _metric("last_cancelled_at", "Last cancelled", Kind.INSTANT, "When a subscription was cancelled last.",
            "The latest cancellation.", _subscriptions("last_cancelled", INSTANT)),
    _metric("last_cancellation_reason", "Last reason", Kind.WORD, "Why, as the customer said.",
            "The reason of the latest cancellation that gave one.",
            or_empty(_reason("cancellation_reason", WORD))),
)  # fmt: skip
