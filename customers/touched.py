"""Telling that something changed of customers that metrics are made of."""

from __future__ import annotations

from collections.abc import Iterable

from django.utils import timezone

from customers.models import TouchedCustomer
from portal import sets
from portal.models import Store


def touch(store: Store, customer_ids: Iterable[int]) -> int:
    """Have the metrics of these customers made anew, once the caller's transaction is committed; how many."""
    now = timezone.now()
    rows = [(store.pk, number, now) for number in sorted(set(customer_ids))]
    return sets.load(TouchedCustomer, ("store", "customer", "at"), rows) if rows else 0
