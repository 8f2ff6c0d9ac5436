"""What happened to a customer: a page of it at a time, alone or as a part of the customer's page."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render

from customers.timeline.showing import shown
from customers.views.customers import the_customer
from portal.access import Permission
from portal.store_views import StoreRequest, store_view


@store_view(Permission.VIEW)
def customer_timeline(request: StoreRequest, pk: int) -> HttpResponse:
    """The page; for htmx its list alone, or, beyond a position, only the entries that come next."""
    customer = the_customer(request, pk)
    context = {"customer": customer, "timeline": shown(customer, request.staff, request.GET)}
    if not request.headers.get("HX-Request"):
        return render(request, "customers/timeline.html", context)
    part = "customers/timeline_entries.html" if request.GET.get("beyond") else "customers/timeline_list.html"
    return render(request, part, context)
