"""The list of segments, making one, one segment, naming it, deleting it."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import urlencode

from portal.access import Feature, Permission
from portal.actions import Refusal
from portal.paging import KeysetPage, paginate
from portal.store_views import StoreRequest, store_view
from segments import actions, charts, dependants, queries
from segments.external import panel
from segments.forms import DescribeForm, SegmentNameForm, name_taken
from segments.membership import SegmentGone
from segments.models import Segment, Source
from segments.tables import MemberTable, SegmentTable

FORM = ("GET", "HEAD", "POST")
STEPS = ("Name", "Add customers")
WAYS = {
    "add": ("Add customer", "Enter the e-mail address of a customer.", "user-plus", "segments:add_customer"),
    "upload": ("Bulk import customers", "Upload a CSV or Excel file.", "file-upload", "segments:upload"),
    "external": (
        "Import external segment",
        "Follow a list or segment of Klaviyo, or a segment of Shopify.",
        "affiliate",
        "segments:external",
    ),
    "later": ("Later", "Create the segment empty, and fill it when you like.", "clock", "segments:detail"),
}
"""Way to add customers → its label, a sentence, its icon, and the page where it goes on."""

LIST_SORTS = {"name": "name_key", "members": "member_count", "change": "change", "updated": "updated_at"}
MEMBER_SORTS = {"added": "added_at", "email": "customer__email_key"}


def the_segment(request: StoreRequest, segment_id: int) -> Segment:
    """The store's segment; Http404 for one that is another store's, deleted or not there."""
    found: Segment = get_object_or_404(queries.segments(request.store), pk=segment_id)
    found.store = request.store
    return found


@store_view(Permission.VIEW, feature=Feature.SEGMENTS)
def segment_list(request: StoreRequest) -> HttpResponse:
    words = request.GET.get("q", "")
    found = queries.segment_list(request.store, words)
    page = paginate(found, request.GET, sorts=LIST_SORTS, default="name")
    table = SegmentTable(page, store=request.store, following=panel.following(request.store, page.rows))
    context = {"page": page, "table": table, "q": words}
    return render(request, "segments/list.html", context)


@store_view(Permission.EDIT_SEGMENTS, feature=Feature.SEGMENTS, methods=FORM)
def create(request: StoreRequest) -> HttpResponse:
    """The first step: the name. Nothing is written before the second."""
    if request.method == "POST":
        form = SegmentNameForm(request.POST, store=request.store)
        if form.is_valid():
            name = urlencode({"name": form.cleaned_data["name"]})
            return redirect(f"{reverse('segments:create_how', args=(request.store.slug,))}?{name}")
    else:
        form = SegmentNameForm(store=request.store, initial={"name": request.GET.get("name", "")})
    return _naming(request, form)


def _naming(request: StoreRequest, form: SegmentNameForm) -> HttpResponse:
    context = {"form": form, "steps": STEPS}
    return render(request, "segments/create.html", context, status=422 if form.errors else 200)


@store_view(Permission.EDIT_SEGMENTS, feature=Feature.SEGMENTS, methods=FORM)
def create_how(request: StoreRequest) -> HttpResponse:
    """The second step: how to add customers. This makes the segment, and goes on where the way begins."""
    asked = request.POST if request.method == "POST" else request.GET
    form = SegmentNameForm(asked, store=request.store)
    if not form.is_valid():
        return _naming(request, form)
    way = asked.get("how", "")
    if request.method != "POST" or way not in WAYS:
        return _choosing(request, form.cleaned_data["name"], way)
    try:
        segment = actions.create_segment(request.store, name=form.cleaned_data["name"], actor=request.user)
    except actions.NameTaken as taken:
        form.add_error("name", name_taken(taken.segment))
        return _naming(request, form)
    messages.success(request, f"“{segment}” is created.")
    return redirect(WAYS[way][3], request.store.slug, segment.pk)


def _choosing(request: StoreRequest, name: str, way: str) -> HttpResponse:
    choices = [
        {"value": value, "label": label, "text": text, "icon": icon, "checked": value == (way or "add")}
        for value, (label, text, icon, _) in WAYS.items()
    ]
    error = "Choose one of these." if request.method == "POST" else ""
    context = {"name": name, "choices": choices, "steps": STEPS, "error": error}
    return render(request, "segments/create_how.html", context, status=422 if error else 200)


@store_view(Permission.VIEW, feature=Feature.SEGMENTS)
def detail(request: StoreRequest, segment_id: int) -> HttpResponse:
    segment = the_segment(request, segment_id)
    words = request.GET.get("q", "").strip()
    page = _page_of_members(request, segment, words)
    may_edit = request.staff.may(Permission.EDIT_SEGMENTS)
    days = charts.chosen_days(request.GET.get("days", ""))
    context: dict[str, Any] = {
        "segment": segment,
        "page": page,
        "table": MemberTable(page, segment=segment, may_edit=may_edit),
        "q": words,
        "chart": charts.size_chart(segment, days),
        "days": days,
        "ranges": charts.RANGES,
        "change": queries.change_of(segment),
        "running": queries.work_on(segment),
        "panel": panel.panel_of(segment, request.staff),
        "has_syncs": bool(segment.sources & Source.EXTERNAL),
    }
    return render(request, "segments/detail.html", context)


def _page_of_members(request: StoreRequest, segment: Segment, words: str) -> KeysetPage:
    listed = partial(paginate, parameters=request.GET, sorts=MEMBER_SORTS, default="-added")
    if not words:
        return listed(queries.member_list(segment), count=segment.member_count)
    is_by_email = request.GET.get("sort", "").removeprefix("-") == "email"
    found = queries.search_members(segment, words, by_time=not is_by_email)
    # Met on a walk, they need no index of words.
    return listed(found.rows, count=found.count, is_capped=found.is_capped, searched=is_by_email)


@store_view(Permission.EDIT_SEGMENTS, feature=Feature.SEGMENTS, methods=FORM)
def rename(request: StoreRequest, segment_id: int) -> HttpResponse:
    segment = the_segment(request, segment_id)
    form = DescribeForm.of(segment, request.POST if request.method == "POST" else None)
    if form.is_valid() and _describe(request, segment, form):
        return redirect(segment)
    return render(
        request, "segments/rename.html", {"segment": segment, "form": form}, status=422 if form.errors else 200
    )


def _describe(request: StoreRequest, segment: Segment, form: DescribeForm) -> bool:
    name, description = form.cleaned_data["name"], form.cleaned_data["description"]
    old = segment.name
    try:
        changed = actions.describe_segment(
            segment, name=name, description=description, seen=form.seen, actor=request.user
        )
    except actions.NameTaken as taken:
        form.add_error("name", name_taken(taken.segment))
        return False
    except actions.ChangedMeanwhile as conflict:
        form.tell_conflict(conflict.segment, queries.last_editor(conflict.segment))
        return False
    except SegmentGone:
        form.add_error(None, "The segment was deleted meanwhile.")
        return False
    if "name" in changed:
        messages.success(request, f"“{old}” is called “{name}” now.")
    elif changed:
        messages.success(request, "The description is saved.")
    else:
        messages.info(request, "Nothing was changed.")
    return True


@store_view(Permission.EDIT_SEGMENTS, feature=Feature.SEGMENTS, methods=FORM)
def delete(request: StoreRequest, segment_id: int) -> HttpResponse:
    segment = the_segment(request, segment_id)
    if request.method != "POST":
        return _deleting(request, segment)
    try:
        actions.delete_segment(
            segment,
            typed=request.POST.get("confirm", ""),
            cancel_running=request.GET.get("running") == "cancel",
            actor=request.user,
        )
    except Refusal as refusal:
        return _deleting(request, segment, str(refusal), status=422)
    except actions.WorkIsRunning:
        return _deleting(request, segment, status=409)
    except SegmentGone:
        messages.info(request, f"“{segment}” was deleted already.")
    else:
        messages.success(request, f"“{segment}” is deleted. What belonged to it is being removed in the background.")
    return redirect("segments:list", request.store.slug)


def _deleting(request: StoreRequest, segment: Segment, error: str = "", status: int = 200) -> HttpResponse:
    running = list(queries.work_on(segment))
    url = reverse("segments:delete", args=(request.store.slug, segment.pk))
    context: dict[str, Any] = {
        "segment": segment,
        "lost": queries.what_is_lost(segment),
        "reasons": dependants.reasons(segment),
        "running": running,
        "action": f"{url}?running=cancel" if running else url,
        "error": error,
    }
    return render(request, "segments/delete.html", context, status=status)
