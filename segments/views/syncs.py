"""Syncs of a segment with its list elsewhere: asking for one, looking at it, deciding, and all so far."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse

from portal.access import Feature, Permission
from portal.actions import Refusal
from portal.exporting import csv_response
from portal.paging import paginate
from portal.queries import latest_job, latest_jobs
from portal.store_views import StoreRequest, store_view
from portal.templatetags.ui import counted
from segments.external import links, report, standing
from segments.external.forms import ApproveForm
from segments.external.standing import Standing
from segments.external.syncs import running
from segments.external.tables import SyncTable
from segments.membership import SegmentGone
from segments.models import Segment, Sync
from segments.sources import kind_label, label_of
from segments.views.segments import FORM, the_segment

POST = ("POST",)
DELETED = "The segment was deleted meanwhile; nothing was changed."


def the_sync(request: StoreRequest, segment_id: int, sync_id: int) -> Sync:
    """The segment's sync; Http404 for one of another segment or store."""
    segment = the_segment(request, segment_id)
    found: Sync = get_object_or_404(_syncs(segment), pk=sync_id)
    found.segment, found.store = segment, request.store
    return found


def _syncs(segment: Segment) -> Any:
    rows = Sync.objects.for_store(segment.store).filter(segment=segment)
    return rows.select_related("asked_by", "decided_by", "link__connection")


@store_view(Permission.VIEW, feature=Feature.SEGMENTS)
def syncs(request: StoreRequest, segment_id: int) -> HttpResponse:
    segment = the_segment(request, segment_id)
    page = paginate(_syncs(segment), request.GET, sorts={"when": "pk"}, default="-when")
    table = SyncTable(page, segment=segment, jobs=latest_jobs(request.store, page.rows))
    link = links.link_of(segment)
    source = label_of(link.connection.source) if link else ""
    return render(request, "segments/syncs.html", {"segment": segment, "page": page, "table": table, "source": source})


@store_view(Permission.EDIT_SEGMENTS, feature=Feature.SEGMENTS, methods=POST)
def sync_now(request: StoreRequest, segment_id: int) -> HttpResponse:
    segment = the_segment(request, segment_id)
    try:
        return redirect(links.sync_now(segment, actor=request.user))
    except Refusal as refusal:
        messages.info(request, str(refusal))
    except SegmentGone:
        messages.error(request, DELETED)
        return redirect("segments:list", request.store.slug)
    return redirect(segment)


@store_view(Permission.VIEW, feature=Feature.SEGMENTS)
def sync(request: StoreRequest, segment_id: int, sync_id: int) -> HttpResponse:
    """A sync at whatever stage it is: being read, held, being applied, done, failed."""
    found = the_sync(request, segment_id, sync_id)
    job = latest_job(found)
    at = standing.standing(found, job)
    context: dict[str, Any] = {
        "segment": found.segment,
        "sync": found,
        "job": job,
        "at": at,
        "mark": standing.mark(at),
        "source": label_of(found.source),
        "kind": kind_label(found.source, found.kind),
        "is_at_work": at in standing.AT_WORK,
        "link": found.link,
    }
    if at == Standing.HELD:
        context |= {**_held(found), "newer": running(found.segment)}
    if at == Standing.APPLIED:
        context |= {
            "profiles": report.of_profiles(found),
            "members": report.of_members(found),
            "unmatched_url": _unmatched_url(request, found),
        }
    return render(request, "segments/sync.html", context)


def _held(found: Sync) -> dict[str, Any]:
    counts = found.counts
    size, going, coming = counts.get("before", 0), counts.get("going", 0), counts.get("coming", 0)
    return {
        "read": counts.get("read", 0),
        "going": going,
        "coming": coming,
        "size": size,
        "share": going * 100 // size if size else 0,
        "after": size - going + coming,
        "would_leave": report.would_leave(found) if going else [],
        "would_enter": report.would_enter(found) if coming else [],
    }


def _unmatched_url(request: StoreRequest, found: Sync) -> str:
    """Where the profiles without a customer can be had, by those who may, while they are kept."""
    if not request.staff.may(Permission.EXPORT) or found.link is None or found.link.synced_id != found.pk:
        return ""
    return reverse("segments:sync_unmatched", args=(request.store.slug, found.segment_id, found.pk))


@store_view(Permission.EDIT_SEGMENTS, feature=Feature.SEGMENTS, methods=FORM)
def approve(request: StoreRequest, segment_id: int, sync_id: int) -> HttpResponse:
    """The second step of approving a held sync: who has ticked that it is meant has it applied."""
    found = the_sync(request, segment_id, sync_id)
    held = _held(found)
    said = f"Let {counted(held['going'], 'member')} leave, and {counted(held['coming'], 'customer')} enter"
    form = ApproveForm(request.POST if request.method == "POST" else None, store=request.store, said=said)
    if standing.standing(found, None) != Standing.HELD:
        messages.info(request, "This sync waits for no decision.")
        return redirect(found)
    if form.is_valid():
        return _decide(request, found, approve=True)
    context = {"segment": found.segment, "sync": found, "form": form, **held}
    return render(request, "segments/sync_approve.html", context, status=422 if form.errors else 200)


@store_view(Permission.EDIT_SEGMENTS, feature=Feature.SEGMENTS, methods=POST)
def discard(request: StoreRequest, segment_id: int, sync_id: int) -> HttpResponse:
    return _decide(request, the_sync(request, segment_id, sync_id), approve=False)


def _decide(request: StoreRequest, found: Sync, *, approve: bool) -> HttpResponse:
    try:
        links.decide(found, approve=approve, actor=request.user)
        messages.success(
            request, "Approved: the segment is brought up to date." if approve else "Discarded: nothing was changed."
        )
    except Refusal as refusal:
        messages.error(request, str(refusal))
    except SegmentGone:
        messages.error(request, DELETED)
        return redirect("segments:list", request.store.slug)
    return redirect(found)


@store_view(Permission.EXPORT, feature=Feature.SEGMENTS)
def unmatched(request: StoreRequest, segment_id: int, sync_id: int) -> HttpResponseBase:
    """The profiles without a customer, as a file."""
    found = the_sync(request, segment_id, sync_id)
    report.note_export(found, actor=request.user)
    name = f"{found.group_name} without a customer"
    return csv_response(name, report.UNMATCHED_HEADERS, report.unmatched_rows(found))
