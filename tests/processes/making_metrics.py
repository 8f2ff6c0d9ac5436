"""The story of metrics: made anew for those who ordered, and then for everybody."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils import timezone

from customers.metrics import due, work
from customers.metrics.recompute import recompute
from customers.models import Customer, CustomerMetrics, Order
from customers.touched import touch
from portal import wall
from tests.processes.scene import Rows, Scene


def make_metrics(slug: str, _: Rows) -> list[Any]:
    """What the metrics come to of people who have just ordered; and in how many rows a fresh reckoning differs."""
    scene = Scene(slug)
    store, now = scene.store, timezone.now()
    if not Order.objects.for_store(store).exists():
        with transaction.atomic():
            people = list(Customer.objects.for_store(store).order_by("pk").values_list("pk", flat=True))
            told = {"source": "demo", "told_at": now, "placed_at": now, "currency": store.currency}
            for pk in people:
                paid = {"external_id": str(pk), "subtotal": pk % 7, "total": 10}
                Order.objects.create_for(store, customer_id=pk, **told, **paid)
            touch(store, people)
    with wall.around(store):
        while due.catch_up_store(store, now):
            pass
    if not work.jobs_of(store).exists():
        work.recompute_all(store, actor=None)
    scene.work()
    with transaction.atomic():
        differ = recompute(store, None, now)
    rows = CustomerMetrics.objects.for_store(store).order_by("customer__email_key")
    columns = ("customer__email_key", "orders_count", "total_spent", "rfm_group")
    return [differ, [[str(value) for value in row] for row in rows.values_list(*columns)]]
