"""The statement that makes metrics says what plain Python says, of whatever has happened, on either database."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from customers.metrics import measuring
from customers.metrics.recompute import recompute
from customers.metrics.registry import STORED
from customers.metrics.thresholds import thresholds_of
from customers.models import (
    Customer,
    CustomerMetrics,
    Event,
    MetricsState,
    Order,
    OrderLine,
    Product,
    Subscription,
)
from portal.models import Store
from tests.customers.histories import NOW, histories, shelf, write
from tests.customers.reckoning import History, reckon

BY_MODEL = {"alive_probability", "expected_orders_90d", "expected_order_value", "expected_value_90d"}
_KEPT = (OrderLine, Order, Subscription, Event, CustomerMetrics, Customer, Product, MetricsState)


def alike(name: str, here: Any, there: Any) -> bool:
    """Whether two values are the same; numbers to one of the last place that they are kept in."""
    if isinstance(here, int | float | Decimal) and isinstance(there, int | float | Decimal):
        last = {"discount_share": 0.0001, "usual_gap_days": 0.1}.get(name, 0.1 if "minutes" in name else 0.001)
        return abs(float(here) - float(there)) <= (last * 1.01 if isinstance(there, Decimal) else 0)
    if isinstance(here, datetime) and isinstance(there, datetime):
        return here == there
    return bool(here == there)


def differences(store: Store, day: Any, cuts: dict[str, Any]) -> list[str]:
    rows = {row.customer_id: row for row in CustomerMetrics.objects.for_store(store)}
    wrong = []
    for customer in Customer.objects.for_store(store).filter(erased_at=None):
        customer.store = store
        expected = reckon(History.of(customer), store, day, thresholds_of(store), cuts)
        assert set(expected) == set(STORED) - BY_MODEL
        row = rows.pop(customer.pk)
        wrong += [
            f"{customer.email}.{name}: {getattr(row, name)!r}, not {value!r}"
            for name, value in expected.items()
            if not alike(name, getattr(row, name), value)
        ]
    assert not rows
    return wrong


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("zone", ["America/New_York", "Europe/Berlin"])
@given(lives=st.lists(histories, min_size=1, max_size=3), some=st.booleans())
@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
def test_each_metric_is_what_it_says(zone: str, lives: list[Any], some: bool) -> None:
    store, _ = Store.objects.get_or_create(slug="maple", defaults={"name": "Maple", "currency": "USD"})
    store.time_zone = zone
    with transaction.atomic():
        for model in _KEPT:
            model.everywhere.all().delete()
        products = shelf(store)
        people = [write(store, number, life, products) for number, life in enumerate(lives)]
        recompute(store, [person.pk for person in people] if some else None, NOW)
        assert differences(store, store.day(NOW), {}) == []
        cuts = measuring.cuts_of(store)
        MetricsState.objects.for_store(store).update(cuts=cuts)
        recompute(store, None, NOW)
        assert differences(store, store.day(NOW), cuts) == []
        assert recompute(store, None, NOW) == 0, "what has not changed was written again"
