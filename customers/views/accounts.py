"""Settings ▸ Data sources: the accounts at Shopify and Recharge, whose webhooks come in and whose history is read."""

from __future__ import annotations

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone

from customers.models import WayIn, WayInKind
from customers.providers import accounts, history, panel, schedule
from customers.providers.forms import AccountForm, ConnectForm
from portal.access import Permission
from portal.actions import Refusal
from portal.store_views import NOT_FOUND, StoreRequest, store_view
from portal.vault import Unreadable

FORM, POST = ("GET", "HEAD", "POST"), ("POST",)


@store_view(Permission.MANAGE_CONNECTIONS, methods=FORM)
def connect(request: StoreRequest, kind: str) -> HttpResponse:
    """A new account; its addresses are on its page afterwards."""
    provider = WayInKind(kind)
    form = ConnectForm(request.POST if request.method == "POST" else None, store=request.store, kind=provider)
    if form.is_valid():
        try:
            way_in = accounts.connect(request.store, provider, actor=request.user, **form.cleaned_data)
        except Refusal as refusal:
            form.add_error(None, str(refusal))
        else:
            if way_in.next_reconcile_at is not None:
                _begin(request, way_in, only_webhooks=not way_in.reads_history)
            is_alone = bool(form.cleaned_data["token"])
            what = "Its webhooks are made by themselves." if is_alone else "Give it the addresses below."
            messages.success(request, f"{way_in.label} is connected. {what}")
            return redirect("customers:way_in", request.store.slug, way_in.pk)
    context = {"form": form, "provider": provider.label}
    return render(request, "customers/account_connect.html", context, status=422 if form.errors else 200)


@store_view(Permission.MANAGE_CONNECTIONS, methods=FORM)
def change(request: StoreRequest, way_in_id: int) -> HttpResponse:
    """Other secrets of an account."""
    way_in = _the_account(request, way_in_id)
    if not panel.is_account(way_in) or way_in.revoked_at is not None:
        return _back(request, way_in)
    given = request.POST if request.method == "POST" else None
    initial = {"reads_history": way_in.reads_history}
    form = AccountForm(given, store=request.store, kind=WayInKind(way_in.kind), initial=initial)
    if form.is_valid():
        try:
            accounts.change(way_in, actor=request.user, **form.cleaned_data)
            messages.success(request, "It is saved.")
            return _back(request, way_in)
        except (Refusal, Unreadable) as refusal:
            form.add_error(None, str(refusal))
    context = {"form": form, "way_in": way_in}
    return render(request, "customers/account_change.html", context, status=422 if form.errors else 200)


@store_view(Permission.MANAGE_CONNECTIONS, methods=POST)
def new_addresses(request: StoreRequest, way_in_id: int) -> HttpResponse:
    way_in = _the_account(request, way_in_id)
    if panel.is_account(way_in):
        try:
            accounts.new_address(way_in, actor=request.user)
            messages.success(request, "The webhooks have new addresses; the former ones work for another day.")
        except (Refusal, Unreadable) as refusal:
            messages.error(request, str(refusal))
    return _back(request, way_in)


@store_view(Permission.MANAGE_CONNECTIONS, methods=POST)
def read(request: StoreRequest, way_in_id: int) -> HttpResponse:
    """Read the account now."""
    way_in = _the_account(request, way_in_id)
    if panel.is_account(way_in) and way_in.revoked_at is None:
        _begin(request, way_in)
    return _back(request, way_in)


def _begin(request: StoreRequest, way_in: WayIn, *, only_webhooks: bool = False) -> None:
    with transaction.atomic():
        rows = WayIn.objects.for_store(request.store).select_for_update(no_key=True, of=("self",))
        held: WayIn = rows.get(pk=way_in.pk)
        held.store = request.store
        if held.next_reconcile_at is not None:
            schedule.plan(held, now=timezone.now())  # one reading is enough now
        if history.begin(held, actor=request.user, only_webhooks=only_webhooks) is None:
            messages.info(request, "It is being read already.")


def _back(request: StoreRequest, way_in: WayIn) -> HttpResponse:
    return redirect("customers:way_in", request.store.slug, way_in.pk)


def _the_account(request: StoreRequest, number: int) -> WayIn:
    found: WayIn | None = WayIn.objects.for_store(request.store).filter(pk=number).first()
    if found is None:
        raise Http404(NOT_FOUND)
    found.store = request.store
    return found
