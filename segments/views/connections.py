"""Settings ▸ Connections: the store's accounts at other systems."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

from portal import demo_outside
from portal.access import Feature, Permission
from portal.actions import Refusal
from portal.store_views import NOT_FOUND, StoreRequest, store_view
from segments.external import connections, groups, looking
from segments.external.forms import ConnectForm
from segments.external.looking import Described
from segments.models import Connection
from segments.sources import SOURCES, label_of

FORM = ("GET", "HEAD", "POST")
POST = ("POST",)
NAMED = 20
"""So many segments are named of those that a disconnection concerns."""


@store_view(Permission.MANAGE_CONNECTIONS, feature=Feature.SEGMENTS)
def overview(request: StoreRequest) -> HttpResponse:
    mine = connections.connections(request.store)
    cards = [_card(request, looking.described(key), mine.get(key)) for key in SOURCES]
    return render(request, "segments/connections.html", {"cards": cards})


def _card(request: StoreRequest, source: Described, connection: Connection | None) -> dict[str, Any]:
    card: dict[str, Any] = {"source": source, "connection": connection}
    if connection is None:
        return card
    connection.store = request.store
    return card | {
        "names": groups.count(connection),
        "following": looking.followers(connection).count(),
        "reading": looking.indexing(connection),
        "checking": looking.checking(connection),
    }


@store_view(Permission.MANAGE_CONNECTIONS, feature=Feature.SEGMENTS, methods=FORM)
def connect(request: StoreRequest, source: str) -> HttpResponse:
    """Connect an account, or give another key of it. The source is asked before anything is written."""
    found = _source(source)
    form = ConnectForm(request.POST if request.method == "POST" else None, store=request.store, source=source)
    if form.is_valid() and _connect(request, source, form):
        return redirect("segments:connections", request.store.slug)
    connection = connections.connections(request.store).get(source)
    context = {"source": found, "form": form, "connection": connection, "sandbox": _sandbox(source)}
    return render(request, "segments/connect.html", context, status=422 if form.errors else 200)


def _connect(request: StoreRequest, source: str, form: ConnectForm) -> bool:
    try:
        account = connections.try_out(source, form.cleaned_data)
        connection = connections.connect(request.store, source, form.cleaned_data, account, actor=request.user)
    except Refusal as refusal:
        form.add_error(None, str(refusal))
        return False
    said = f"“{connection.account_name}” at {label_of(source)} is connected. The names of its lists are being read."
    messages.success(request, said)
    return True


def _sandbox(source: str) -> list[tuple[str, str]]:
    """What the stand-in of the demo is connected with: name of the field and what to type; nothing for the real one."""
    places = {"klaviyo": settings.KLAVIYO_API_URL, "shopify": settings.SHOPIFY_API_URL}
    if not settings.DEMO or urlsplit(places.get(source, "")).hostname not in {"127.0.0.1", "localhost", "::1"}:
        return []
    typed = {
        "api_key": demo_outside.KLAVIYO_KEY,
        "shop": demo_outside.SHOPIFY_DOMAIN,
        "token": demo_outside.SHOPIFY_TOKEN,
    }
    return [(field.label, typed[field.name]) for field in SOURCES[source].credentials if field.name in typed]


@store_view(Permission.MANAGE_CONNECTIONS, feature=Feature.SEGMENTS, methods=FORM)
def disconnect(request: StoreRequest, source: str) -> HttpResponse:
    """Forget the credentials, after saying which segments are synced no more."""
    found = _source(source)
    if request.method == "POST":
        try:
            connections.disconnect(request.store, source, actor=request.user)
            messages.success(request, f"{found.label} is disconnected, and the key is deleted.")
        except Refusal as refusal:
            messages.info(request, str(refusal))
        return redirect("segments:connections", request.store.slug)
    connection = connections.connections(request.store).get(source)
    if connection is None or not connection.credentials:
        messages.info(request, f"{found.label} is not connected.")
        return redirect("segments:connections", request.store.slug)
    connection.store = request.store
    count, followers = looking.followers(connection).count(), looking.followers(connection)[:NAMED]
    context = {"source": found, "connection": connection, "links": followers, "count": count, "rest": count - NAMED}
    return render(request, "segments/disconnect.html", context)


@store_view(Permission.MANAGE_CONNECTIONS, feature=Feature.SEGMENTS, methods=POST)
def check(request: StoreRequest, source: str) -> HttpResponse:
    """Try a refused key once more, now."""
    found = _source(source)
    try:
        connections.check_again(request.store, source, actor=request.user)
        messages.info(request, f"{found.label} is being asked whether the key is good again.")
    except Refusal as refusal:
        messages.info(request, str(refusal))
    return redirect("segments:connections", request.store.slug)


@store_view(Permission.EDIT_SEGMENTS, feature=Feature.SEGMENTS, methods=POST)
def refresh(request: StoreRequest, source: str) -> HttpResponse:
    """Read the names of lists anew; asked for on the page of connections and where a list is chosen."""
    found = _source(source)
    connection = connections.connections(request.store).get(source)
    try:
        if connection is None:
            raise Refusal(f"{found.label} is not connected.")
        connection.store = request.store
        if connections.refresh_index(connection, actor=request.user) is None:
            messages.info(request, f"The names of lists at {found.label} are being read already.")
    except Refusal as refusal:
        messages.error(request, str(refusal))
    return redirect(_back(request))


def _back(request: StoreRequest) -> str:
    """The page that the person came from, when it is one of ours."""
    came_from = request.headers.get("Referer", "")
    if url_has_allowed_host_and_scheme(came_from, {request.get_host()}, require_https=request.is_secure()):
        parts = urlsplit(came_from)
        return f"/{parts.path.lstrip('/')}" + (f"?{parts.query}" if parts.query else "")
    return reverse("segments:list", args=(request.store.slug,))


def _source(key: str) -> Described:
    if key not in SOURCES:
        raise Http404(NOT_FOUND)
    return looking.described(key)
