"""Counting who buys what: once an hour for a whole store, because the list of products must not wait for it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db import DatabaseError, transaction
from django.db.models import Count, Exists, OuterRef, QuerySet
from django.utils import timezone

from customers.models import Order, OrderLine, Product, Subscription, SubscriptionStatus
from customers.models.commerce import COUNTED
from customers.register import hold_customers
from portal import sets, wall
from portal.models import Store

log = structlog.get_logger(__name__)

RECENT = timedelta(days=90)
EVERY = timedelta(hours=1)
_FIGURES = ("active_subscriptions", "recent_orders", "buyers")


def count_due(now: datetime | None = None) -> int:
    """Count anew in every store that has products whose figures are an hour old; in how many stores."""
    now = now or timezone.now()
    return sum(_count_if_due(store, now) for store in Store.objects.filter(closed_at=None).order_by("pk"))


def _count_if_due(store: Store, now: datetime) -> bool:
    with wall.around(store):
        known = Product.objects.for_store(store)
        fresh = known.filter(counted_at__gt=now - EVERY)
        if not known.filter(counted_at=None).exists() and (fresh.exists() or not known.exists()):
            return False
        try:
            count_products(store, now)
        except DatabaseError as error:
            # Another store may do well, and this one is counted the next time.
            log.warning("products_not_counted", store=store.pk, error=type(error).__name__)
            return False
    return True


def count_products(store: Store, now: datetime) -> int:
    """Count of each product who buys it; how many products."""
    figures = {name: _counts(rows) for name, rows in zip(_FIGURES, _asked(store, now), strict=True)}
    also = _counts(_subscribers_who_never_bought(store))
    products = Product.objects.for_store(store).order_by("pk").values_list("pk", flat=True)
    values = {
        pk: (
            figures["active_subscriptions"].get(pk, 0),
            figures["recent_orders"].get(pk, 0),
            figures["buyers"].get(pk, 0) + also.get(pk, 0),
            now,
        )
        for pk in products
    }
    with transaction.atomic():
        # Who writes products holds them too; two such statements must not wait for each other.
        hold_customers(store)
        sets.overwrite(Product, (*_FIGURES, "counted_at"), values)
    return len(values)


def _counts(rows: QuerySet[Any]) -> dict[int, int]:
    return dict(rows.order_by())


def _asked(store: Store, now: datetime) -> tuple[QuerySet[Any], ...]:
    """Pairs of a product and a number, for each of the figures."""
    active = Subscription.objects.for_store(store).filter(status=SubscriptionStatus.ACTIVE, product__isnull=False)
    recent = bought_lines(store).filter(order__placed_at__gte=now - RECENT)
    return (
        active.values_list("product").annotate(found=Count("pk")),
        recent.values_list("product").annotate(found=Count("order", distinct=True)),
        bought_lines(store).values_list("product").annotate(found=Count("order__customer", distinct=True)),
    )


def bought_lines(store: Store) -> QuerySet[OrderLine]:
    """The lines of products in orders that count as bought."""
    found: QuerySet[OrderLine] = OrderLine.objects.for_store(store).filter(
        product__isnull=False, order__store=store, order__status__in=COUNTED
    )
    return found


def _subscribers_who_never_bought(store: Store) -> QuerySet[Any]:
    lines = OrderLine.objects.for_store(store).filter(order=OuterRef("pk"), product=OuterRef(OuterRef("product")))
    orders = Order.objects.for_store(store).filter(customer=OuterRef("customer"), status__in=COUNTED)
    bought = orders.filter(Exists(lines))
    subscribed = Subscription.objects.for_store(store).filter(product__isnull=False)
    alone = subscribed.filter(~Exists(bought))
    return alone.values_list("product").annotate(found=Count("customer", distinct=True))
