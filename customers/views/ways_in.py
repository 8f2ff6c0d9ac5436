"""Settings ▸ Data sources: what may send here, whether it does, and what became of it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone

from customers.ingest import keys, looking, replaying, snippets
from customers.ingest.forms import RenameForm, WayInForm
from customers.models import WayIn, WayInKind
from customers.providers.panel import panel_of
from portal.access import Permission
from portal.actions import Refusal
from portal.paging import paginate
from portal.store_views import NOT_FOUND, StoreRequest, store_view

FORM, POST = ("GET", "HEAD", "POST"), ("POST",)
SHOWN = 20


@store_view(Permission.MANAGE_CONNECTIONS)
def overview(request: StoreRequest) -> HttpResponse:
    now = timezone.now()
    days, waits = looking.today(request.store, now), looking.waiting(request.store)
    rows = [_row(way_in, days.get(way_in.pk), waits.get(way_in.pk)) for way_in in looking.ways_in(request.store)]
    return render(request, "customers/ways_in.html", {"rows": rows, "files": days.get(None)})


def _row(way_in: WayIn, day: Any, waits: looking.Waiting | None) -> dict[str, Any]:
    last_at = max(filter(None, (way_in.last_at, waits.last_at if waits else None)), default=None)
    state = looking.state_of(way_in, waits, timezone.now())
    is_tracking = WayInKind(way_in.kind).is_tracking
    return {
        "way_in": way_in,
        "day": day,
        "waits": waits,
        "state": state,
        "last_at": last_at,
        "is_tracking": is_tracking,
    }


@store_view(Permission.MANAGE_CONNECTIONS, methods=FORM)
def add(request: StoreRequest) -> HttpResponse:
    """Make a new source. Its key is on the page that answers, and on none that comes after."""
    form = WayInForm(request.POST if request.method == "POST" else None, store=request.store)
    if form.is_valid():
        kind = WayInKind(form.cleaned_data["kind"])
        try:
            way_in, key = keys.create(request.store, kind, form.cleaned_data["label"], actor=request.user)
        except Refusal as refusal:
            form.add_error(None, str(refusal))
        else:
            return _with_key(request, way_in, key)
    return render(request, "customers/way_in_add.html", {"form": form}, status=422 if form.errors else 200)


def _with_key(request: StoreRequest, way_in: WayIn, key: str) -> HttpResponse:
    context = {"way_in": way_in, "key": key, "snippets": snippets.of(way_in, key)}
    return render(request, "customers/way_in_key.html", context)


@store_view(Permission.MANAGE_CONNECTIONS)
def detail(request: StoreRequest, way_in_id: int) -> HttpResponse:
    way_in = _the_way_in(request, way_in_id)
    left = looking.left_over(way_in)
    context = {
        **looking.live(way_in),
        "days": looking.days(way_in, timezone.now()),
        "rejections": list(looking.rejections(way_in)[:SHOWN]),
        "left": list(left[:SHOWN]),
        "left_count": left.count(),
        "snippets": snippets.of(way_in),
        "account": panel_of(way_in),
    }
    return render(request, "customers/way_in.html", context)


@store_view(Permission.MANAGE_CONNECTIONS)
def live(request: StoreRequest, way_in_id: int) -> HttpResponse:
    """The part of the page that is asked for every few seconds."""
    return render(request, "customers/way_in_live.html", looking.live(_the_way_in(request, way_in_id)))


@store_view(Permission.MANAGE_CONNECTIONS)
def rejections(request: StoreRequest, way_in_id: int) -> HttpResponse:
    """All records that were not taken in, as far as they are kept."""
    way_in = _the_way_in(request, way_in_id)
    page = paginate(looking.rejections(way_in), request.GET, sorts={"at": "pk"}, default="-at")
    return render(request, "customers/way_in_rejections.html", {"way_in": way_in, "page": page})


@store_view(Permission.MANAGE_CONNECTIONS, methods=FORM)
def rename(request: StoreRequest, way_in_id: int) -> HttpResponse:
    way_in = _the_way_in(request, way_in_id)
    given = request.POST if request.method == "POST" else None
    form = RenameForm(given, store=request.store, initial={"label": way_in.label})
    if form.is_valid():
        try:
            keys.rename(way_in, form.cleaned_data["label"], actor=request.user)
            messages.success(request, "The name was changed.")
        except Refusal as refusal:
            messages.error(request, str(refusal))
        return redirect("customers:way_in", request.store.slug, way_in.pk)
    context = {"way_in": way_in, "form": form}
    return render(request, "customers/way_in_rename.html", context, status=422 if form.errors else 200)


@store_view(Permission.MANAGE_CONNECTIONS, methods=FORM)
def rotate(request: StoreRequest, way_in_id: int) -> HttpResponse:
    """Another key, after saying what becomes of the present one; shown on the page that answers alone."""
    way_in = _the_way_in(request, way_in_id)
    if request.method != "POST":
        return render(request, "customers/way_in_rotate.html", {"way_in": way_in})
    try:
        key = keys.rotate(way_in, actor=request.user)
    except Refusal as refusal:
        messages.error(request, str(refusal))
        return redirect("customers:way_in", request.store.slug, way_in.pk)
    way_in.refresh_from_db()
    way_in.store = request.store
    return _with_key(request, way_in, key)


@store_view(Permission.MANAGE_CONNECTIONS, methods=FORM)
def revoke(request: StoreRequest, way_in_id: int) -> HttpResponse:
    way_in = _the_way_in(request, way_in_id)
    error = ""
    if request.method == "POST":
        if request.POST.get("confirm", "").strip() == way_in.label:
            try:
                keys.revoke(way_in, actor=request.user)
                messages.success(request, f"“{way_in.label}” is revoked: nothing more is taken from it.")
            except Refusal as refusal:
                messages.info(request, str(refusal))
            return redirect("customers:ways_in", request.store.slug)
        error = "This is not its name."
    context = {"way_in": way_in, "error": error}
    return render(request, "customers/way_in_revoke.html", context, status=422 if error else 200)


@store_view(Permission.MANAGE_CONNECTIONS, methods=POST)
def replay(request: StoreRequest, way_in_id: int) -> HttpResponse:
    """Take in once more one request, or all that are left."""
    way_in = _the_way_in(request, way_in_id)
    said = request.POST.get("arrival", "")
    if said and not (said.isascii() and said.isdigit() and len(said) < 19):
        raise Http404(NOT_FOUND)
    try:
        count = replaying.replay(way_in, int(said) if said else None, actor=request.user)
        messages.success(request, f"{count:,} {'request is' if count == 1 else 'requests are'} taken in once more.")
    except Refusal as refusal:
        messages.info(request, str(refusal))
    return redirect("customers:way_in", request.store.slug, way_in.pk)


def _the_way_in(request: StoreRequest, number: int) -> WayIn:
    found: WayIn | None = looking.ways_in(request.store).filter(pk=number).first()
    if found is None:
        raise Http404(NOT_FOUND)
    found.store = request.store
    return found
