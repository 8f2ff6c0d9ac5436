"""Settings ▸ Store."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render

from portal.access import Permission
from portal.actions import Refusal
from portal.actions.edits import ChangedMeanwhile
from portal.actions.store import change_store, close_store
from portal.forms import StoreSettingsForm
from portal.queries import last_change, said_by
from portal.store_views import StoreRequest, store_view

REMADE = " All metrics of customers are being made anew by it."


@store_view(Permission.MANAGE_STORE, methods=("GET", "HEAD", "POST"))
def store_settings(request: StoreRequest) -> HttpResponse:
    form = StoreSettingsForm(request.POST or None, store=request.store)
    if form.is_valid() and _save(request, form):
        return redirect("portal:store_settings", request.store.slug)
    return render(request, "portal/store_settings.html", {"form": form}, status=422 if form.is_bound else 200)


def _save(request: StoreRequest, form: StoreSettingsForm) -> bool:
    try:
        changes = change_store(request.store, actor=request.user, seen=form.seen(), wanted=form.cleaned_data)
    except ChangedMeanwhile as clash:
        form.show_clashes(clash.current, said_by(last_change(request.store, request.store)))
        return False
    except Refusal as refusal:
        form.add_error("requires_second_factor", str(refusal))
        return False
    if changes:
        messages.success(request, "Settings saved." + REMADE * bool(changes.keys() & {"time_zone", "currency"}))
    else:
        messages.info(request, "Nothing was changed.")
    return True


@store_view(Permission.MANAGE_STORE, methods=("GET", "HEAD", "POST"))
def close(request: StoreRequest) -> HttpResponse:
    """Settings ▸ Store ▸ Close store."""
    error = ""
    if request.method == "POST":
        try:
            close_store(request.store, typed=request.POST.get("confirm", ""), actor=request.user)
            return redirect("choose_store")
        except Refusal as refusal:
            error = str(refusal)
    return render(request, "portal/close_store.html", {"error": error}, status=422 if error else 200)
