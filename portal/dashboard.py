"""The pages that look at everything: the choice of a store, and a store's home."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib.auth.decorators import login_required
from django.db.models import F, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone

from customers.ingest import looking
from customers.models import Customer
from portal import queries
from portal.access import Feature, Permission
from portal.models import Staff, Store
from portal.store_views import StoreRequest, store_view
from segments.models import Segment, SegmentDay

COUNTED_AT_MOST = 100_000
DAYS = 7
LISTED = 5


@login_required
def choose_store(request: HttpRequest) -> HttpResponse:
    """Someone with one store lands in it; someone with several chooses."""
    user: Any = request.user
    places = list(Staff.everywhere.select_related("store").filter(user=user).order_by("store__name", "pk"))
    if len(places) == 1:
        return redirect("home", places[0].store.slug)
    return render(request, "choose_store.html", {"places": places})


@store_view(Permission.VIEW)
def home(request: StoreRequest) -> HttpResponse:
    store = request.store
    context: dict[str, Any] = {
        "customers": count_customers(store),
        "counted_at_most": COUNTED_AT_MOST,
        "runs": queries.latest_runs(store, LISTED),
        "has_segments": store.has(Feature.SEGMENTS),
        "days": DAYS,
        "set_aside": _set_aside(store) if request.staff.may(Permission.MANAGE_CONNECTIONS) else "",
    }
    if context["has_segments"]:
        context |= {"segments": live_segments(store).count(), "changed": changed_most(store)}
    return render(request, "home.html", context)


def _set_aside(store: Store) -> str:
    """How many requests of the data sources could not be taken in, in words; '' for none."""
    found = looking.set_aside(store)
    if found > looking.COUNTED_AT_MOST:
        return f"More than {looking.COUNTED_AT_MOST:,} requests"
    return f"{found:,} {'request' if found == 1 else 'requests'}" if found else ""


def count_customers(store: Store) -> int:
    """How many customers the store has, counted to one more than COUNTED_AT_MOST and no further."""
    return Customer.objects.for_store(store).filter(erased_at=None).order_by()[: COUNTED_AT_MOST + 1].count()


def live_segments(store: Store) -> Any:
    return Segment.objects.for_store(store).filter(deleted_at=None)


def changed_most(store: Store) -> list[dict[str, Any]]:
    """The segments that most people entered or left within the last DAYS days of the store, with how many."""
    since = store.day(timezone.now()) - timedelta(days=DAYS - 1)
    days = SegmentDay.objects.for_store(store).filter(day__gte=since, segment__deleted_at=None)
    sums = days.order_by().values("segment_id").annotate(joined=Sum("entered"), gone=Sum("left"))
    busiest = list(sums.filter(joined__gt=-F("gone")).order_by(-(F("joined") + F("gone")), "segment_id")[:LISTED])
    names = live_segments(store).in_bulk([row["segment_id"] for row in busiest])
    return [row | {"segment": names[row["segment_id"]]} for row in busiest if row["segment_id"] in names]
