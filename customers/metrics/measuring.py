"""What is measured of a store's customers taken together: where their fifths end, what the models' parameters are, and
for how many of them each metric is known."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from math import ceil
from typing import Any

from django.db.models import CharField, Count, F, Min, Q, QuerySet, Value
from django.db.models.functions import Mod, TruncDate

from customers.metrics import registry
from customers.metrics.lifetime import DAYS, Fitted, NoModel, fit_amounts, fit_orders
from customers.models import CustomerMetrics, Event, Order
from portal.models import Store

SAMPLE = 20_000
"""The models are fitted to so many customers at most: more of them change the parameters by less than their error."""
LIVE_MOST = 5_000
"""Of so many customers it is asked at once for how many each metric is known; of more, it is kept from time to time."""
_FIFTHS = (1, 2, 3, 4)


def cuts_of(store: Store) -> dict[str, list[Any]]:
    """Score → the values at which the lower four fifths of those who have ordered end; nothing where none has."""
    buyers = _buyers(store)
    paying = buyers.filter(total_spent__isnull=False)
    number = buyers.count()
    return {
        name: words
        for name, words in {
            "recency": _cuts(buyers, number, TruncDate("last_order_at", tzinfo=store.zone), date.isoformat),
            "frequency": _cuts(buyers, number, F("orders_count"), int),
            "monetary": _cuts(paying, paying.count(), F("total_spent"), str),
        }.items()
        if words
    }


def _buyers(store: Store) -> QuerySet[Any]:
    found: QuerySet[Any] = CustomerMetrics.objects.for_store(store).filter(first_order_at__isnull=False)
    return found


def _cuts(buyers: QuerySet[Any], number: int, value: Any, written: Callable[[Any], Any]) -> list[Any]:
    places = [ceil(number * fifth / 5) for fifth in _FIFTHS]
    # Those who are alike come as one: of days and counts there are few, and no one need be sorted.
    alike = buyers.annotate(value=value).values("value").annotate(n=Count("pk")).order_by("value")
    found: list[Any] = []
    upto = 0
    for reached, customers in alike.values_list("value", "n").iterator():
        upto += customers
        while len(found) < len(places) and upto >= places[len(found)]:
            found.append(written(reached))
    return found


def fit_of(store: Store, now: datetime) -> dict[str, Any]:
    """The parameters of the store's models; or, under "why", why there is none."""
    rows = _sample(store)
    today = store.day(now)
    first = [store.day(row[1]) for row in rows]
    last = [store.day(row[2]) for row in rows]
    again = [row[0] - 1.0 for row in rows]
    recency = [(end - start).days / DAYS for start, end in zip(first, last, strict=True)]
    age = [max((today - start).days / DAYS, lasted) for start, lasted in zip(first, recency, strict=True)]
    paid = [(float(row[3]), float(row[4])) for row in rows if row[4]]
    found: dict[str, Any] = {"why": {}, "at": now.isoformat()}
    _keep(found, "orders", lambda: fit_orders(again, recency, age))
    _keep(found, "amounts", lambda: fit_amounts([count for count, _ in paid], [mean for _, mean in paid]))
    return found


def _keep(found: dict[str, Any], name: str, fit: Callable[[], Fitted]) -> None:
    try:
        found[name] = fit().as_json()
    except NoModel as reason:
        found["why"][name] = str(reason)


def _sample(store: Store) -> list[Any]:
    """Of every so-manieth customer who has ordered: days with an order, first and last order, orders, mean amount."""
    buyers = _buyers(store)
    every = ceil((buyers.count() or 1) / SAMPLE)
    some = buyers.annotate(left=Mod(F("customer_id"), Value(every))).filter(left=0) if every > 1 else buyers
    columns = ("order_days", "first_order_at", "last_order_at", "orders_count", "average_order_value")
    return list(some.order_by("customer_id").values_list(*columns))


def coverage_of(store: Store) -> dict[str, Any]:
    """Metric → of how many customers it is known, and "customers", how many there are; in one look at the table."""
    columns = {metric.column for metric in registry.METRICS.values()}
    known = {f"known_{column}": Count("pk", filter=_is_known(column)) for column in columns}
    found = CustomerMetrics.objects.for_store(store).aggregate(customers=Count("pk"), **known)
    counts = {name: found[f"known_{metric.column}"] for name, metric in registry.METRICS.items()}
    return {"customers": found["customers"], **counts}


def whole_coverage(store: Store, events: dict[str, str]) -> dict[str, Any]:
    """The same, with since when each source tells (of `events` it is known), and how many orders are in which other
    currency."""
    return {**coverage_of(store), "since": since_of(store) | events, "foreign": foreign_orders(store)}


def _is_known(column: str) -> Q:
    if column in ("orders_count", "order_days", "total_spent"):
        return Q(orders_count__gt=0)
    if column in ("active_subscriptions", "active_products", "cancels"):
        return Q(subscribed_since__isnull=False)
    field = CustomerMetrics._meta.get_field(column)
    is_word = isinstance(field, CharField)
    return ~Q(**{column: ""}) if is_word else Q(**{f"{column}__isnull": False})


def since_of(store: Store) -> dict[str, str]:
    """Source of metrics → since when it tells anything; but for events, which are too many to ask for a page."""
    found = CustomerMetrics.objects.for_store(store).aggregate(
        orders=Min("first_order_at"), subscriptions=Min("subscribed_since"), customers=Min("customer_since")
    )
    return {name: at.isoformat() for name, at in found.items() if at}


def events_since(store: Store) -> dict[str, str]:
    """The same of events, which takes as long as reading their index does."""
    found = Event.objects.for_store(store).filter(customer__isnull=False).aggregate(first=Min("occurred_at"))["first"]
    return {"events": found.isoformat()} if found else {}


def foreign_orders(store: Store) -> dict[str, int]:
    """Currency, but for the store's own → orders in it."""
    others = Order.objects.for_store(store).exclude(currency=store.currency)
    return dict(others.order_by().values("currency").annotate(n=Count("pk")).values_list("currency", "n"))
