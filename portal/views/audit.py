"""Who did what, when, and what changed."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render

from portal import queries
from portal.access import Permission
from portal.filters import AuditFilter
from portal.paging import paginate
from portal.store_views import StoreRequest, store_view
from portal.tables import AuditTable


@store_view(Permission.VIEW_AUDIT)
def audit(request: StoreRequest) -> HttpResponse:
    filters = AuditFilter(request.GET, store=request.store, queryset=queries.audit_entries(request.store))
    page = paginate(filters.qs, request.GET, sorts={"at": "at"}, default="-at")
    context = {"page": page, "table": AuditTable(page, store=request.store), "filters": filters}
    return render(request, "portal/audit.html", context)
