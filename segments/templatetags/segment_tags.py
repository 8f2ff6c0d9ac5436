"""What the page of a customer shows of segments; nothing at all where the store's plan does not hold them."""

from __future__ import annotations

from typing import Any

from django import template
from django.template import Context
from django.urls import reverse

from customers.models import Customer
from portal.access import Feature
from segments.models import Membership, MembershipChange, Source

register = template.Library()

CHANGES_SHOWN = 20
ICONS = {MembershipChange.Kind.ENTERED: "user-plus", MembershipChange.Kind.LEFT: "user-minus"}
WORDS = {MembershipChange.Kind.ENTERED: "Added to", MembershipChange.Kind.LEFT: "Removed from"}


@register.inclusion_tag("segments/customer_segments.html", takes_context=True)
def customer_segments(context: Context, customer: Customer) -> dict[str, Any]:
    """A card with the segments that the customer is in, since when and by what."""
    store = context["request"].store
    if not store.has(Feature.SEGMENTS):
        return {"is_shown": False}
    found = Membership.objects.for_store(store).filter(customer_id=customer.pk, segment__deleted_at=None)
    rows = found.select_related("segment", "added_by", "upload").order_by("segment__name_key")
    return {"is_shown": True, "request": context["request"], "rows": rows}


@register.inclusion_tag("segments/customer_segment_changes.html", takes_context=True)
def customer_segment_changes(context: Context, customer: Customer) -> dict[str, Any]:
    """A card with the segments that the customer lately came into and left, the latest first."""
    store = context["request"].store
    if not store.has(Feature.SEGMENTS):
        return {"is_shown": False}
    found = MembershipChange.objects.for_store(store).filter(customer_id=customer.pk, segment__deleted_at=None)
    rows = found.select_related("segment", "actor", "upload").order_by("-at", "-pk")[:CHANGES_SHOWN]
    return {"is_shown": True, "entries": [_entry(row, store.slug) for row in rows]}


def _entry(row: MembershipChange, slug: str) -> dict[str, Any]:
    kind = MembershipChange.Kind(row.kind)
    by = [Source(row.source).label, row.upload.filename if row.upload else "", str(row.actor) if row.actor else ""]
    return {
        "icon": ICONS[kind],
        "text": f"{WORDS[kind]} {row.segment.name}",
        "note": " · ".join(filter(None, by)),
        "at": row.at,
        "url": reverse("segments:detail", args=(slug, row.segment_id)),
    }
