"""What the orders of a customer tell."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.db.models import Case, Count, Expression, F, Max, Min, Q, QuerySet, Sum, Value, When, Window
from django.db.models.functions import Round, RowNumber, TruncDate
from django.db.models.lookups import GreaterThan, GreaterThanOrEqual, IsNull

from customers.metrics.frame import Frame
from customers.metrics.metric import (
    DAY,
    INSTANT,
    MONEY,
    NUMBER,
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
from customers.models import Order, OrderLine, PriceBehaviour
from customers.models.commerce import COUNTED
from portal.sets import DaysBetween, Part, Rows

_orders, _favourite = of("orders"), of("favourite")
COUNT, DAYS = _orders("n", WHOLE), _orders("days", WHOLE)
FIRST, LAST = _orders("first", INSTANT), _orders("last", INSTANT)
FIRST_DAY, LAST_DAY = _orders("first_day", DAY), _orders("last_day", DAY)
OWN_COUNT, SPENT = _orders("own_n", WHOLE), _orders("spent", MONEY)
LISTED, TAKEN_OFF = _orders("listed", MONEY), _orders("taken_off", MONEY)

DISCOUNT_SHARE = only_if(
    GreaterThan(LISTED, Value(0)),
    Round(ratio(TAKEN_OFF, LISTED), 4, output_field=NUMBER),
    NUMBER,
)


def parts(frame: Frame) -> dict[str, Part]:
    return {"orders": Rows(bought(frame), "customer_id"), "favourite": Rows(_favourites(frame), "order__customer_id")}


def bought(frame: Frame) -> QuerySet[Any, Any]:
    """The orders that count, those of a customer together; amounts are of those in the store's currency."""
    own = Q(currency=frame.store.currency)
    counted = frame.rows(Order).filter(status__in=COUNTED).annotate(day=TruncDate("placed_at", tzinfo=frame.zone))
    return counted.values("customer_id").annotate(
        n=Count("pk"),
        days=Count("day", distinct=True),
        first=Min("placed_at"),
        last=Max("placed_at"),
        first_day=Min("day"),
        last_day=Max("day"),
        own_n=Count("pk", filter=own),
        # Rounded here, once for each customer: the database would do it anew wherever it is compared.
        spent=to_cents(Sum(F("total") - F("refunded"), filter=own, output_field=MONEY)),
        listed=Sum("subtotal", filter=own, output_field=MONEY),
        taken_off=Sum("discount", filter=own, output_field=MONEY),
    )


def _favourites(frame: Frame) -> QuerySet[Any, Any]:
    """The category of which each customer bought most; of two alike the one bought later, then the one bought first."""
    lines = OrderLine.objects.for_store(frame.store).filter(
        frame.those.at("order__customer_id"), order__store=frame.store, order__status__in=COUNTED
    )
    known = lines.exclude(product=None).exclude(product__category="")
    by_category = known.values("order__customer_id", "product__category").annotate(
        pieces=Sum("quantity"), latest=Max("order__placed_at"), line=Min("pk")
    )
    order: Any = (F("pieces").desc(), F("latest").desc(), F("line"))
    place = Window(RowNumber(), partition_by=F("order__customer_id"), order_by=order)
    return by_category.annotate(place=place).filter(place=1)


def _usual_gap(frame: Frame) -> Expression:
    length, gaps = DaysBetween(LAST_DAY, FIRST_DAY, output_field=WHOLE), DAYS - Value(1)
    mean = Round(ratio(length, gaps), 1, output_field=NUMBER)
    return only_if(GreaterThan(DAYS, Value(1)), mean, NUMBER)


def _price_behaviour(frame: Frame) -> Expression:
    responsive = GreaterThanOrEqual(DISCOUNT_SHARE, Value(frame.thresholds.discount_responsive_from))
    return Case(
        When(responsive, then=Value(PriceBehaviour.DISCOUNT_RESPONSIVE.value)),
        When(GreaterThan(LISTED, Value(0)), then=Value(PriceBehaviour.FULL_PRICE.value)),
        default=Value("", WORD),
        output_field=WORD,
    )


_metric = partial(Metric, group=Group.ORDERS, needs="orders")
_COUNTED = "Orders count that were paid and not given back whole."
METRICS: tuple[Metric, ...] = (
    _metric("orders_count", "Orders", Kind.WHOLE, "How often the customer ordered.", _COUNTED,
            or_none(COUNT)),
    _metric("order_days", "Days with an order", Kind.WHOLE, "On how many days the customer ordered.",
            f"{_COUNTED} Several orders on one day of the store are one day.", or_none(DAYS)),
    _metric("total_spent", "Total spent", Kind.MONEY, "What the customer has paid so far.",
            "Totals less refunds of the orders that count, in the store's currency; others are left out.",
            Case(When(IsNull(COUNT, True), then=Value(0, MONEY)), default=SPENT, output_field=MONEY)),
    _metric("average_order_value", "Average order", Kind.MONEY, "What the customer pays for an order.",
            "Total spent, divided by the orders in the store's currency.",
            to_cents(ratio(SPENT, OWN_COUNT))),
    _metric("first_order_at", "First order", Kind.INSTANT, "When the customer ordered first.", _COUNTED,
            FIRST),
    _metric("last_order_at", "Last order", Kind.INSTANT, "When the customer ordered last.", _COUNTED,
            LAST),
    _metric("days_since_last_order", "Days since the last order", Kind.DAYS,
            "How long ago the customer ordered last.",
          "From the day of the last order to today, by the store's calendar.", since="last_order_at"),
    _metric("usual_gap_days", "Usual gap", Kind.DAYS, "How long the customer usually waits between two orders.",
            "The mean: days from the first to the last order, divided by the days with an order less one. A long break "
            "makes it longer than a median would, so nobody is called late too early.", _usual_gap),
    _metric("days_beyond_usual_gap", "Days beyond the usual gap", Kind.DAYS,
          "How much later the next order is than usual; below zero it is not due yet.",
          "Days since the last order, less the usual gap.", since="last_order_at", less="usual_gap_days"),
    _metric("discount_share", "Discount share", Kind.SHARE, "How much of the spend was taken off by discounts.",
            "Discounts, divided by the prices before them, of the orders in the store's currency.",
            DISCOUNT_SHARE),
    _metric("price_behaviour", "Price behaviour", Kind.WORD, "Whether the customer buys at full price.",
            "Discount-responsive from the discount share on that the store has set.", _price_behaviour),
    _metric("preferred_category", "Preferred category", Kind.WORD, "What the customer buys most.",
            "The category with the most pieces in the orders that count; of two alike, the one bought later.",
            or_empty(_favourite("product__category", WORD))),
)  # fmt: skip
