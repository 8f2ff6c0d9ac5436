"""Customers as files: all that a filter shows, and the empty template to fill in."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponseBase
from django.shortcuts import redirect
from django.utils import timezone

from customers import actions, queries
from customers.filters import CustomerFilter
from customers.imports.kinds import KINDS
from customers.models import ImportKind
from customers.resources import CustomerResource, customer_rows, template_headers
from portal.access import Permission
from portal.exporting import TooManyRows, csv_response, xlsx_response
from portal.store_views import StoreRequest, store_view


@store_view(Permission.EXPORT, methods=("POST",))
def export(request: StoreRequest) -> HttpResponseBase:
    """The customers that the filter in the query string shows, as a file that can be imported again."""
    filters = CustomerFilter(request.GET, store=request.store, queryset=queries.everyone(request.store))
    kind = "xlsx" if request.POST.get("kind") == "xlsx" else "csv"
    answer = xlsx_response if kind == "xlsx" else csv_response
    filename = f"{request.store.name} customers {timezone.localdate():%Y-%m-%d}"
    try:
        rows = customer_rows(filters.qs, request.store.zone)
        response = answer(filename, CustomerResource().get_export_headers(), rows)
    except TooManyRows as error:
        messages.error(request, str(error))
        return redirect("customers:list", request.store.slug)
    count = filters.qs.order_by().count()
    actions.note_export(request.store, which=filters.description, count=count, kind=kind, actor=request.user)
    return response


@store_view(Permission.EDIT_CUSTOMERS)
def template(request: StoreRequest, of: str = ImportKind.CUSTOMERS) -> HttpResponseBase:
    """The CSV, or with `kind=xlsx` the workbook, to fill in."""
    answer = xlsx_response if request.GET.get("kind") == "xlsx" else csv_response
    kind = KINDS[of]
    headers = [kind.fields[name] for name in kind.template] or template_headers()
    return answer(f"{kind.one}-template", headers, [])
