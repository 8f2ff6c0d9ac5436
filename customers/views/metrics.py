"""What is known of customers, and what the store means by its metrics."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone

from customers.metrics import auditing, work
from customers.metrics.actions import ChangedMeanwhile, change_settings
from customers.metrics.forms import MetricsForm
from portal.access import Permission
from portal.store_views import StoreRequest, store_view


@store_view(Permission.VIEW)
def audit_data(request: StoreRequest) -> HttpResponse:
    state = auditing.state_of(request.store)
    found = auditing.coverage(request.store, state)
    context = {
        "state": state,
        "is_of_before": state is not None and not state.fits(request.store),
        "coverage": found,
        "groups": auditing.groups(found),
        "arrived": auditing.arrived(request.store, timezone.now()),
        "spots": auditing.blind_spots(request.store, found, state),
        "job": work.jobs_of(request.store).first(),
    }
    return render(request, "customers/audit_data.html", context)


@store_view(Permission.EDIT_CUSTOMERS, methods=("POST",))
def recompute(request: StoreRequest) -> HttpResponse:
    work.recompute_all(request.store, actor=request.user)
    messages.success(request, "All metrics are being made anew.")
    return redirect("customers:audit_data", request.store.slug)


@store_view(Permission.MANAGE_STORE, methods=("GET", "HEAD", "POST"))
def metrics_settings(request: StoreRequest) -> HttpResponse:
    form = MetricsForm(request.POST or None, store=request.store)
    if form.is_valid() and _save(request, form):
        return redirect("customers:metrics_settings", request.store.slug)
    return render(request, "customers/metrics_settings.html", {"form": form}, status=422 if form.is_bound else 200)


def _save(request: StoreRequest, form: MetricsForm) -> bool:
    try:
        changes = change_settings(request.store, actor=request.user, seen=form.seen(), wanted=form.cleaned_data)
    except ChangedMeanwhile as meanwhile:
        form.show_clashes(meanwhile.current)
        return False
    if changes:
        messages.success(request, "Saved. The metrics of all customers are being made anew by it.")
    else:
        messages.info(request, "Nothing was changed.")
    return True
