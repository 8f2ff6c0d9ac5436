"""Reading products: the list, and who buys one."""

from __future__ import annotations

from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery

from customers import queries
from customers.models import Customer, Order, OrderLine, Product, Subscription
from customers.models.commerce import COUNTED
from portal.models import Store

FEW = 5_000
"""So many buyers are looked up at once; of more, the list of customers is walked along until a page is met."""
SORTS = {"title": "title", "subscriptions": "active_subscriptions", "orders": "recent_orders", "customers": "buyers"}


def products(store: Store) -> QuerySet[Product]:
    found: QuerySet[Product] = Product.objects.for_store(store)
    return found


def categories(store: Store) -> list[str]:
    """The categories that there are, in the order of the alphabet."""
    named = products(store).exclude(category="").order_by("category")
    return list(named.values_list("category", flat=True).distinct()[:200])


def buyers(store: Store, product: Product, *, by_page: bool = False) -> QuerySet[Customer]:
    """The customers who bought the product, or subscribed to it; `by_page` when only the first of them are read, in the
    order of an index: each customer is asked about then, until a page is met."""
    everyone = queries.everyone(store)
    if product.buyers <= FEW and (few := _few(store, product)) is not None:
        return everyone.filter(pk__among=few) if few else everyone.none()
    lines = OrderLine.objects.for_store(store).filter(order=OuterRef("pk"), product=product)
    orders = Order.objects.for_store(store).filter(Exists(lines), customer=OuterRef("pk"), status__in=COUNTED)
    subscriptions = Subscription.objects.for_store(store).filter(customer=OuterRef("pk"), product=product)
    if by_page:
        # PostgreSQL would gather all who ever bought it, to look each customer up among them.
        asked = everyone.alias(order=_first(orders), subscription=_first(subscriptions))
        return asked.filter(Q(order__isnull=False) | Q(subscription__isnull=False))
    return everyone.filter(Q(Exists(orders)) | Q(Exists(subscriptions)))


def _first(rows: QuerySet[Any]) -> Subquery:
    return Subquery(rows.values("pk")[:1])


def _few(store: Store, product: Product) -> list[int] | None:
    """The numbers of those who buy it, as long as these are few; None when there are more by now than were counted."""
    lines = OrderLine.objects.for_store(store).filter(product=product, order__store=store, order__status__in=COUNTED)
    bought = lines.order_by().values_list("order__customer_id", flat=True).distinct()
    subscribed = Subscription.objects.for_store(store).filter(product=product)
    found = {*bought[: FEW * 2], *subscribed.order_by().values_list("customer_id", flat=True).distinct()[: FEW * 2]}
    return sorted(found) if len(found) < FEW * 2 else None
