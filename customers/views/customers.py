"""The list of customers, each customer, and adding and changing them."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone

from customers import actions, queries
from customers.filters import CustomerFilter
from customers.forms import CustomerForm
from customers.history import timeline
from customers.metrics import reading
from customers.models import Customer
from customers.tables import CUSTOMER_SORTS, CustomerTable
from customers.timeline.showing import shown
from portal.access import Permission
from portal.actions import Refusal
from portal.paging import paginate
from portal.store_views import StoreRequest, store_view

FORM = ("GET", "HEAD", "POST")


def the_customer(request: StoreRequest, pk: int) -> Customer:
    """The store's customer; Http404 for one of another store."""
    customer: Customer = get_object_or_404(queries.everyone(request.store).select_related("last_import"), pk=pk)
    customer.store = request.store
    return customer


def posted(request: StoreRequest) -> QueryDict | None:
    return request.POST if request.method == "POST" else None


@store_view(Permission.VIEW)
def customer_list(request: StoreRequest) -> HttpResponse:
    filters = CustomerFilter(request.GET, store=request.store, queryset=queries.everyone(request.store))
    is_narrowed = bool(filters.active or request.GET.get("q", "").strip())
    shown = filters.qs.defer("tags", "attributes", "search_text")
    page = paginate(shown, request.GET, sorts=CUSTOMER_SORTS, default="-signed_up", searched=is_narrowed)
    context = {
        "page": page,
        "table": CustomerTable(page, store=request.store),
        "filters": filters,
        "is_narrowed": is_narrowed,
        "sorted": [("sort", page.sort)] if "sort" in request.GET else [],
    }
    return render(request, "customers/list.html", context)


@store_view(Permission.VIEW)
def detail(request: StoreRequest, pk: int) -> HttpResponse:
    customer = the_customer(request, pk)
    entries = queries.changes_of(customer) if request.staff.may(Permission.VIEW_AUDIT) else []
    context = {"customer": customer, "timeline": shown(customer, request.staff), "events": timeline(entries)}
    context["metrics"] = reading.shown(customer, timezone.now())
    return render(request, "customers/detail.html", context)


@store_view(Permission.EDIT_CUSTOMERS, methods=FORM)
def add(request: StoreRequest) -> HttpResponse:
    form = CustomerForm(posted(request), store=request.store)
    if form.is_valid():
        try:
            came_back = form.cleaned_data["came_back"]
            given = form.fields_of_customer
            customer = actions.add_customer(request.store, actor=request.user, came_back=came_back, **given)
        except actions.EmailTaken as taken:
            form.refuse_taken(taken.customer)
        except actions.WasErased:
            form.refuse_erased()
        except Refusal as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, f"{customer.email} is a customer now.")
            return redirect(customer)
    return render(request, "customers/form.html", {"form": form}, status=422 if form.errors else 200)


@store_view(Permission.EDIT_CUSTOMERS, methods=FORM)
def edit(request: StoreRequest, pk: int) -> HttpResponse:
    customer = the_customer(request, pk)
    form = CustomerForm(posted(request), store=request.store, customer=customer)
    if form.is_valid():
        try:
            changed = actions.change_customer(customer, actor=request.user, **form.edits)
        except actions.EmailTaken as taken:
            form.refuse_taken(taken.customer)
        except actions.WasErased:
            form.refuse_erased()
        except actions.ChangedMeanwhile as changed_meanwhile:
            form.refuse_changed(changed_meanwhile.customer, queries.last_editor(changed_meanwhile.customer))
        else:
            messages.success(request, "Saved." if changed else "Nothing was changed.")
            return redirect(customer)
    context = {"form": form, "customer": customer}
    return render(request, "customers/form.html", context, status=422 if form.errors else 200)
