"""Whether the metrics that workers kept are those that a fresh reckoning of everybody comes to."""

from __future__ import annotations

from typing import Any

from tests.processes.installation import Installation

BEHIND = """SELECT (SELECT count(*) FROM customers_touchedcustomer)
+ (SELECT count(*) FROM customers_customerregister r LEFT JOIN customers_metricsstate m ON m.store_id = r.store_id
   WHERE m.seen_in IS NULL OR m.seen_in < r.version)"""
AFRESH = """
from django.db import transaction
from django.db.models import Count, Sum
from django.utils import timezone
from customers.metrics.recompute import recompute
from customers.models import Customer, CustomerMetrics
from portal import wall
from portal.models import Store
store = Store.objects.get(slug="maple")
kept = CustomerMetrics.objects.for_store(store)
with wall.around(store):
    answer = kept.aggregate(
        rows=Count("pk"), orders=Sum("orders_count"), spent=Sum("total_spent"), seen=Count("last_seen_at")
    )
    answer["customers"] = Customer.objects.for_store(store).count()
    with transaction.atomic():
        answer["differ"] = recompute(store, None, timezone.now())
"""


def settled_metrics(installation: Installation, *, seconds: float) -> dict[str, Any]:
    """What the kept metrics come to in all, once a worker has seen all that changed; they must be those of a fresh
    reckoning."""

    def is_current() -> bool:
        with installation.rows(BEHIND) as rows:
            return rows[0][0] == 0

    installation.wait(is_current, seconds=seconds, what="metrics that are up to date")
    told: dict[str, Any] = installation.ask(AFRESH)
    assert told["rows"] == told["customers"] > 0, told
    assert told["differ"] == 0, f"metrics differ from a fresh reckoning: {told}"
    return told
