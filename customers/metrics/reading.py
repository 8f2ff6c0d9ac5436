"""Reading metrics: a customer's, in words; and how days are asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from customers.metrics.metric import Group, Kind, Metric
from customers.metrics.registry import of_group
from customers.models import Customer, CustomerMetrics
from customers.timeline.sources import amount
from portal.models import Store

_IN_THOUSANDTHS = frozenset({"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"})


@dataclass(frozen=True)
class Shown:
    """A metric of a customer: `at` where it is a time, else `words`; both empty where it is not known."""

    metric: Metric
    words: str = ""
    at: datetime | None = None


def metrics_of(customer: Customer) -> CustomerMetrics | None:
    found: CustomerMetrics | None = CustomerMetrics.objects.for_store(customer.store).filter(customer=customer).first()
    return found


def shown(customer: Customer, now: datetime) -> list[tuple[Group, list[Shown]]]:
    """The customer's metrics by groups; nothing while none were reckoned yet."""
    row = metrics_of(customer)
    if row is None:
        return []
    store = customer.store
    return [(group, [_shown(metric, row, store, now) for metric in of_group(group)]) for group in Group]


def value_of(metric: Metric, row: CustomerMetrics, store: Store, now: datetime) -> Any:
    """The metric as of `now`; None where it is not known."""
    if metric.is_stored:
        return getattr(row, metric.name)
    at = getattr(row, metric.since)
    less = getattr(row, metric.less) if metric.less else 0
    if at is None or less is None:
        return None
    days = max((store.day(now) - store.day(at)).days, 0) - less
    return round(days, 1) if metric.less else days


def days_ago(store: Store, now: datetime, days: int) -> datetime:
    """Where the day of the store began that lay so many days before that of `now`: what happened from then on was at
    most so many days ago, what happened before is longer ago."""
    return datetime.combine(store.day(now) - timedelta(days=days), time.min, tzinfo=store.zone)


def _shown(metric: Metric, row: CustomerMetrics, store: Store, now: datetime) -> Shown:
    value = value_of(metric, row, store, now)
    if value is None or value == "":
        return Shown(metric)
    if metric.kind is Kind.INSTANT:
        return Shown(metric, at=value)
    return Shown(metric, _words(metric, row, value, store))


def _words(metric: Metric, row: CustomerMetrics, value: Any, store: Store) -> str:
    if metric.kind is Kind.MONEY:
        places = 3 if store.currency in _IN_THOUSANDTHS else 2
        return amount(round(Decimal(str(value)), places), store.currency)
    if metric.kind is Kind.WORD:
        display = getattr(row, f"get_{metric.name}_display", None)
        return str(display() if display else value)
    return _WRITTEN[metric.kind](value)


def _days(value: float) -> str:
    said = f"{value:,g}".replace("-", "−")
    return f"{said} day" if value == 1 else f"{said} days"


def _day(value: date) -> str:
    return f"{value.day} {value:%b %Y}"


_WRITTEN: dict[Kind, Callable[[Any], str]] = {
    Kind.SHARE: lambda value: f"{value * 100:.1f}".removesuffix(".0") + " %",
    Kind.DAYS: _days,
    Kind.MINUTES: lambda value: f"{value:,g} min",
    Kind.NUMBER: lambda value: f"{value:,.2f}",
    Kind.DATE: _day,
    Kind.WHOLE: lambda value: f"{value:,}",
}
