"""What the page of a customer shows of segments; nothing at all where the store's plan does not hold them."""

from __future__ import annotations

from typing import Any

from django import template
from django.template import Context

from customers.models import Customer
from portal.access import Feature
from segments.models import Membership

register = template.Library()


@register.inclusion_tag("segments/customer_segments.html", takes_context=True)
def customer_segments(context: Context, customer: Customer) -> dict[str, Any]:
    """A card with the segments that the customer is in, since when and by what."""
    store = context["request"].store
    if not store.has(Feature.SEGMENTS):
        return {"is_shown": False}
    found = Membership.objects.for_store(store).filter(customer_id=customer.pk, segment__deleted_at=None)
    rows = found.select_related("segment", "added_by", "upload").order_by("segment__name_key")
    return {"is_shown": True, "request": context["request"], "rows": rows}
