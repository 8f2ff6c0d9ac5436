"""The door to every page of a store: who may come in, and with what."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any, cast

import structlog
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db.models import Exists, OuterRef
from django.http import (
    FileResponse,
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    StreamingHttpResponse,
)
from django.shortcuts import render
from django.utils import timezone

from portal import hold, second_factor, wall
from portal.access import Feature, Permission
from portal.models import Staff, Store, User
from portal.queries import may_still

log = structlog.get_logger(__name__)

ASK_AGAIN_SECONDS = 1.0
"""How often it is asked, while a download is made, whether the person may still have it."""
NOT_FOUND = "There is no such page, or it is not yours to see."


class AccessEnded(Exception):
    """Someone was taken a right away while making use of it."""


class StoreRequest(HttpRequest):
    """A request of a signed-in person who works in `store` as `staff`."""

    user: User
    store: Store
    staff: Staff


def store_view(
    permission: Permission, *, feature: Feature | None = None, methods: tuple[str, ...] = ("GET", "HEAD")
) -> Callable[[Any], Any]:
    """Decorator of a view under a store's slug.

    Strangers are asked to sign in; a store in which the person does not work is 404, in the same words as one that
    does not exist; a role without `permission` is 403; a plan without `feature` gets the page that explains (403);
    a store that asks for two-step sign-in leads those without it there; other `methods` are 405. The view receives
    `request.store` and `request.staff`; the store's time zone is on, and the wall stands around the store, also while
    an answer is made bit by bit. Of a store that is closed there is a page that says so, and no other (410).
    """

    def decorate(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
        @login_required
        @wraps(view)
        def guarded(request: Any, store_slug: str, **kwargs: Any) -> HttpResponseBase:
            request.staff = staff_of(request.user, store_slug)
            request.store = request.staff.store
            if (elsewhere := _turned_away(request)) is not None:
                return elsewhere
            with wall.around(request.store):
                response = _answer(request, **kwargs)
            if isinstance(response, StreamingHttpResponse) and not isinstance(response, FileResponse):
                # Served by threads, not by an event loop.
                parts = cast("Iterator[bytes]", response.streaming_content)
                response.streaming_content = _while_allowed(request, permission, wall.each(request.store, parts))
            return response

        def _answer(request: Any, **kwargs: Any) -> HttpResponseBase:
            if not request.staff.may(permission):
                log.warning("access_refused", user=request.user.pk, store=request.store.pk, permission=permission.value)
                raise PermissionDenied("Your role may not do this. Ask an owner of the store.")
            if feature is not None and not request.store.has(feature):
                return render(request, f"{feature}/not_in_plan.html", status=403)
            if request.method not in methods:
                return HttpResponse(status=405, headers={"Allow": ", ".join(methods)})
            with timezone.override(request.store.zone):
                response = view(request, **kwargs)
                # A response that renders itself later would do so in another time zone, and without the wall.
                if hasattr(response, "render"):
                    response.render()
                return response

        guarded.permission, guarded.feature, guarded.methods = permission, feature, methods  # type: ignore[attr-defined]
        return guarded

    return decorate


def _turned_away(request: Any) -> HttpResponseBase | None:
    """What somebody is shown who works in the store, and cannot come in now whatever they want there."""
    if request.store.is_closed:
        return render(request, "store_closing.html", status=410)
    if request.store.requires_second_factor and not second_factor.has(request.user):
        return second_factor.lead_to_it(request)
    return None


def _while_allowed(request: Any, permission: Permission, parts: Iterator[bytes]) -> Iterator[bytes]:
    """The parts of a download, until the person may have it no more: then it breaks off, and is not taken for whole."""
    asked_at = time.monotonic()
    for part in parts:
        if time.monotonic() - asked_at > ASK_AGAIN_SECONDS:
            if not may_still(request.user, request.store, permission):
                raise AccessEnded
            asked_at = time.monotonic()
        yield part


def staff_of(user: User, store_slug: str) -> Staff:
    """The person's place in the store, with `works_elsewhere` and `is_on_hold` set; raises Http404 where there
    is none."""
    others = Staff.everywhere.filter(user=OuterRef("user")).exclude(pk=OuterRef("pk"))
    mine = Staff.everywhere.select_related("store").filter(user=user, store__slug=store_slug)
    staff = mine.annotate(works_elsewhere=Exists(others), is_on_hold=Exists(hold.active())).first()
    if staff is None:
        log.warning("store_refused", user=user.pk)
        raise Http404(NOT_FOUND)
    return staff
